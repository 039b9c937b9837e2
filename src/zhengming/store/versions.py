"""Version rows: how replicas notice that something shared has changed.

A change bumps its row in the same unit; every replica polls all rows once a second with one query and
reloads what rose.
"""

from __future__ import annotations

from zhengming.store.tx import Tx

_BUMP = (
    "INSERT INTO shared_version (name, value) VALUES (:name, 1) "
    "ON CONFLICT (name) DO UPDATE SET value = shared_version.value + 1"
)


def bump(tx: Tx, name: str) -> int:
    """Raise the version of `name` by one in this unit and return the new value (the first is 1)."""
    tx.run(_BUMP, {"name": name})
    return version(tx, name)


def version(tx: Tx, name: str) -> int:
    """Return the version of `name`, 0 when it was never bumped."""
    row = tx.one("SELECT value FROM shared_version WHERE name = :name", {"name": name})
    return 0 if row is None else int(row[0])


def versions(tx: Tx) -> dict[str, int]:
    """Return every version row; one small query, meant to be polled."""
    return {name: int(value) for name, value in tx.rows("SELECT name, value FROM shared_version")}
