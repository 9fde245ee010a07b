"""Provider plugins: their hooks, how they are found, loaded and isolated, and what the host gives them."""
