"""Webhooks: what outside systems post to us, told from what others invent, as records of a source."""
