"""Simulated upstream APIs, one a file, with invented data. Each says what is known of the real API and what is not."""
