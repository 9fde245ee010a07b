"""The database: engines for SQLite and PostgreSQL, transactions, migrations, and the shared clock."""
