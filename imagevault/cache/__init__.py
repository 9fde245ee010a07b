"""Cached provider pages: in memory, in the database, and one upstream call for equal requests."""
