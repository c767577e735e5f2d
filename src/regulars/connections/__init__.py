"""Who comes with whom: passes shared, interactions, connections."""
