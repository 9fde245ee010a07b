"""Searching: one search over one or many providers, and the routes for it."""
