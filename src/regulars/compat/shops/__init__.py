"""The reference shop system's answers: what is shown of a product, and the daily files of statistics."""
