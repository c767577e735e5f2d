"""What the reference text-message system answers beside its A/B campaigns: contacts, conversations, forms, todos."""
