"""Settings: their definitions, the files and variables they come from, and the last valid configuration."""
