"""Who: rules that say which customers are in a segment, evaluated, explained, tried on history."""
