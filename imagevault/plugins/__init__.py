"""Provider plugins: the hooks, how plugins are found, loaded and isolated, and what the host gives them."""
