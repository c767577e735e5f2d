"""The command line: verbs in the order of the flow, one module per command."""
