"""Keys, redaction, and token buckets: what keeps secrets secret and callers within their limits."""
