"""The page: what people look at. The server renders it from what the API answers; it has no state of its own."""
