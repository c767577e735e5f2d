"""Tracking plans: what a door expects of its messages, and what becomes of those that are otherwise."""
