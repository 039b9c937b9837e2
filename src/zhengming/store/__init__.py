"""The database: one writer with group commit, a small pool of readers, migrations.

The only place that knows SQLite from PostgreSQL. Everything above writes through :meth:`Store.write`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zhengming.store.tx import Row, Tx, Values
from zhengming.store.versions import bump, version

if TYPE_CHECKING:
    from zhengming.store.engine import Store

__all__ = ["Row", "Store", "Tx", "Values", "bump", "version"]


def __getattr__(name: str) -> Any:
    """Load the engine when it is first asked for: SQLAlchemy costs half a second that the command line need not pay."""
    if name == "Store":
        from zhengming.store.engine import Store  # noqa: PLC0415 - see above

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
