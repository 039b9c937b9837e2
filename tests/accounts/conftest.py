"""A store with its ledger, and a service and key in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhengming.accounts import keys, profiles, service
from zhengming.accounts.keys import NewKey
from zhengming.accounts.profiles import ServiceProfile
from zhengming.ledger import Ledger, load_signer
from zhengming.store import Store

NOW = 1_800_000_000_000


@pytest.fixture
def books(store: Store, tmp_path: Path) -> Store:
    """A store on each database whose appends end in a ledger."""
    Ledger.attach(store, load_signer(tmp_path / "keys"))
    return store


@pytest.fixture
def sqlite_books(sqlite_store: Store, tmp_path: Path) -> Store:
    """A store on SQLite whose appends end in a ledger."""
    Ledger.attach(sqlite_store, load_signer(tmp_path / "keys"))
    return sqlite_store


@pytest.fixture
def profile(books: Store) -> ServiceProfile:
    """A service for teens and adults."""
    wanted = profiles.from_json({"name": "helper", "audiences": ["teen", "adult"]})
    return books.write_sync(lambda tx: service.create(tx, wanted, who="ann", why="a test", now=NOW))


@pytest.fixture
def key(books: Store, profile: ServiceProfile) -> NewKey:
    """A key of that service."""
    secret = keys.new_secret()
    return books.write_sync(lambda tx: keys.create(tx, profile.id, who="ann", now=NOW, secret=secret))
