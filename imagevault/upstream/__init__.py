"""Calls to upstream APIs: the HTTP clients, and the limits that every call has to pass."""
