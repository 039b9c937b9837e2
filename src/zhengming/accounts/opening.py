"""Opening the store from the command line, while a server may be running on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zhengming.ledger import Ledger, load_signer
from zhengming.store import Store

DATABASE_FILE: Final = "zhengming.sqlite3"


def database_url(data: Path, database: str) -> str:
    """Return the URL of the database: the one given, else SQLite in the data folder."""
    return database or f"sqlite:///{data / DATABASE_FILE}"


@contextmanager
def opened(data: Path, database: str = "") -> Iterator[Store]:
    """Open the store with its ledger, and close both afterwards.

    Safe beside a running server: the database lets one writer in at a time, and the ledger goes on from the head that
    is stored.
    """
    with Store.open(database_url(data, database), readers=1) as store:
        Ledger.attach(store, load_signer(data))
        yield store
