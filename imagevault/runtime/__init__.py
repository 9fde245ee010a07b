"""A running server: its parts, live settings, and periodic tasks."""
