"""A search on its way to the providers and back."""
