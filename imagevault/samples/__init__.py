"""Twelve small CC0 pictures, shown without a configured folder. `examples/sample_pictures` draws them."""
