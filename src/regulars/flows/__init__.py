"""What is said to whoever comes into a flow, step after step."""
