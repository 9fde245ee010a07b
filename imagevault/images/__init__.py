"""Image records: sanitizing what plugins return, credit lines, and signed links to local files."""
