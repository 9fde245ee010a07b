"""The migrations, one set for SQLite and PostgreSQL; installed as `imagevault_migrations`."""
