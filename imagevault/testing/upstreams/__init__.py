"""Simulated upstream APIs, one per file."""
