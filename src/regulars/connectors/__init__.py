"""One folder per outside system: what it tells, how to ask it, and a sandbox that speaks as it does."""
