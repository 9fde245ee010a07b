"""The database: the engines for SQLite and PostgreSQL, transactions, migrations, and the shared clock."""
