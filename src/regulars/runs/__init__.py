"""Doing the work, and doing it again: steps, leases, checks of the data, the doctor."""
