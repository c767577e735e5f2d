"""Pages: the self-contained report for now; the dashboard comes on the same parts."""
