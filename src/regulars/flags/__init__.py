"""Which variant a unit gets, decided without a network: hashes, targeting conditions and feature rules."""
