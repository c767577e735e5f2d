"""People who log in: who a request is of, what they may do, and the pages on which they sign in."""
