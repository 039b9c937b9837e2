"""Alembic lives here; see :mod:`zhengming.store.migrate`."""
