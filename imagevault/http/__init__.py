"""The HTTP edge that every request passes, and the Litestar application behind it."""
