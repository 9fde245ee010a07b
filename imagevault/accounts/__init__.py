"""Accounts: who may use this server, and how they prove it."""
