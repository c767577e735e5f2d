"""Answers in the shapes of the reference systems: their paths, field names, codes and columns; the truth is ours."""
