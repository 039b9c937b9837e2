"""The database: engine, the one write path, reads, migrations. The only place that knows SQLite or PostgreSQL."""
