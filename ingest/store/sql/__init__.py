"""The store in SQL: SQLite on one machine, PostgreSQL on many."""
