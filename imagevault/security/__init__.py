"""Keys, redaction and token buckets: they keep secrets secret and callers within their limits."""
