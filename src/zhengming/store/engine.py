"""The store: one writer thread, a small pool of readers, one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self, TypeVar

from sqlalchemy import Engine

from zhengming.store import migrate as migrations
from zhengming.store.connect import Durability, make_engine, parse
from zhengming.store.readers import Reader
from zhengming.store.transaction import Hook, Transactions
from zhengming.store.tx import Tx
from zhengming.store.writer import Writer

T = TypeVar("T")


class Store(Reader):
    """A database with one write path.

    `await store.write(unit)` returns what the unit returned, after COMMIT. When it raises, nothing of the unit is
    stored; only a connection that breaks during COMMIT leaves that open, as with every database.
    """

    def __init__(self, engine: Engine, url: str, *, batch: int = 256, queue: int = 10_000, readers: int = 4) -> None:
        super().__init__(engine, url, readers=readers)
        self._transactions = Transactions(engine, self.dialect, self.path)
        self._writer = Writer(self._transactions, batch=batch, queue=queue)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        durability: Durability = "full",
        migrate: bool = True,
        batch: int = 256,
        queue: int = 10_000,
        readers: int = 4,
    ) -> Self:
        """Open the database at `url`, bring its tables up to date, start the writer.

        `url` is `sqlite:///PATH` or `postgresql+psycopg://USER@HOST/NAME`. `durability` is `full` (what is acknowledged
        survives a power cut) or `normal` (survives a killed process). `batch` bounds the units of one transaction,
        `queue` the units that wait. Raises InvalidInputError on a bad URL, UnavailableError when there is no database.
        """
        parsed = parse(url)
        if migrate:
            migrations.upgrade(url)
        engine = make_engine(parsed, durability=durability, readers=readers)
        return cls(engine, url, batch=batch, queue=queue, readers=readers)

    def before_commit(self, hook: Hook) -> None:
        """Call `hook(tx, entries)` once a transaction that has ledger entries, as its last work before COMMIT."""
        self._transactions.hooks.append(hook)

    async def write(self, unit: Callable[[Tx], T]) -> T:
        """Run the unit in the writer thread and return its result after COMMIT.

        Giving up the wait does not take the unit back. Raises what the unit raised, RowConflictError for a broken rule
        of a table, BusyError when too many units wait, StoreUnavailableError when the database does not confirm.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._writer.put(unit, future, loop)
        return await future

    def write_sync(self, unit: Callable[[Tx], T]) -> T:
        """Do the same as :meth:`write` from a thread without an event loop."""
        return self._writer.put_and_wait(unit)

    @property
    def waiting(self) -> int:
        """How many units wait for the writer."""
        return self._writer.waiting

    def scrub(self) -> None:
        """Move SQLite's write-ahead log into the file and empty it, so that overwritten bytes are gone from the disk.

        Waits up to the busy time for readers. On PostgreSQL this is the server's business (VACUUM, log archives).
        """
        if self.path is not None:
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()

    def close(self) -> None:
        """Write what waits, refuse what comes, close every connection; blocks until the queue is empty."""
        self._writer.close()
        super().close()
