"""A running server: its parts, the settings in force, and the background tasks."""
