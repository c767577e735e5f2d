"""From what others said to what we know: the steps of a run, and what people ask of their results.

`flow` shows the product on one screen. Nothing is imported here: a question pays only for what answers it.
"""
