"""The REST API: a table of routes, each a thin face over a function of the pipeline."""
