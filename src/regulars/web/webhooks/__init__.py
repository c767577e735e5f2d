"""The webhook door: what outside systems post is verified, taken durably, and handed on."""
