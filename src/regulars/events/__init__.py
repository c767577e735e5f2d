"""What happened, and how to count it."""
