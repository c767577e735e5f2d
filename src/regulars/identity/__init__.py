"""Which profiles are the same person: identifiers, contact points, customers and their lasting ids."""
