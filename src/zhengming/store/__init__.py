"""The database: one writer with group commit, a small pool of readers, migrations.

The only place that knows SQLite from PostgreSQL. Everything above writes through :meth:`Store.write`.
"""

from zhengming.store.engine import Store
from zhengming.store.tx import Row, Tx, Values
from zhengming.store.versions import bump, version

__all__ = ["Row", "Store", "Tx", "Values", "bump", "version"]
