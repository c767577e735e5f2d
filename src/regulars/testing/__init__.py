"""For tests, of Regulars and of plug-ins: builders, fixed worlds, sandbox servers of outside systems."""
