"""Twelve small pictures of our own making, CC0, for a library without a folder. `draw.py` made them."""
