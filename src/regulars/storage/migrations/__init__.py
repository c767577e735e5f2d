"""Steps that bring an older book to today's tables, run from code."""
