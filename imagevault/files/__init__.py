"""Picture files on disk, for providers that hold their own files."""
