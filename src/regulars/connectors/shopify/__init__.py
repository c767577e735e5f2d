"""Shopify: what its webhooks say beside orders."""
