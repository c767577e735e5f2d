"""What we may do: permission per channel and purpose, with its evidence, and the hours in which it counts."""
