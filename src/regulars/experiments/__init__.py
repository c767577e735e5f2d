"""Experiments: who is in which variant, who has seen it, and whether it worked."""
