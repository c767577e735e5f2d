"""Shops: which there are, what their pages tell us, and what each product was shown, put into carts and sold."""
