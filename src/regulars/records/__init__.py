"""What others said, unchanged: streams of records, their fields, drift and quarantine."""
