"""Mathematics without the product: what a difference is, how sure we may be, and how long to wait."""
