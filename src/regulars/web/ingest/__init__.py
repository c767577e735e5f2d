"""The ingest door: what SDKs, shops and servers post, taken durably in the shapes they already speak."""
