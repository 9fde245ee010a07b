"""Twelve small CC0 pictures that a provider without a folder shows. See `examples/sample_pictures` for how to draw them."""
