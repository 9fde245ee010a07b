"""What every request meets before a route, as plain ASGI."""
