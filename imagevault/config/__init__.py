"""Settings: where they come from, how they are checked, and the last configuration that was valid."""
