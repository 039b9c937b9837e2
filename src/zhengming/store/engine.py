"""The store: one writer thread, a small pool of readers, one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Engine

from zhengming.core.errors import UnavailableError
from zhengming.store import migrate as migrations
from zhengming.store.connect import Durability, make_engine, parse, sqlite_path
from zhengming.store.errors import is_driver_error, translated
from zhengming.store.transaction import Hook, Transactions
from zhengming.store.tx import Tx
from zhengming.store.writer import Writer

T = TypeVar("T")


class Store:
    """A database with one write path.

    `await store.write(unit)` returns what the unit returned, after COMMIT; when it raises, nothing of the unit is
    stored (only a connection that breaks during COMMIT leaves that open, as with every database).
    """

    def __init__(self, engine: Engine, url: str, *, batch: int = 256, queue: int = 10_000, readers: int = 4) -> None:
        self.url = url
        parsed = parse(url)
        self.path = sqlite_path(parsed)
        self.dialect = "postgresql" if self.path is None else "sqlite"
        self._engine = engine
        self._transactions = Transactions(engine, self.dialect, self.path)
        self._writer = Writer(self._transactions, batch=batch, queue=queue)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="store-read")
        self._closed = False

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
        return cls(
            make_engine(parsed, durability=durability, readers=readers), url, batch=batch, queue=queue, readers=readers
        )

    def before_commit(self, hook: Hook) -> None:
        """Call `hook(tx, entries)` once a transaction that has ledger entries, as its last work before COMMIT."""
        self._transactions.hooks.append(hook)

    async def write(self, unit: Callable[[Tx], T]) -> T:
        """Run the unit in the writer thread and return its result after COMMIT.

        Giving up the wait does not take the unit back. Raises what the unit raised, RowConflictError for a broken rule of
        a table, BusyError when too many units wait, StoreUnavailableError when the database does not confirm.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._writer.put(unit, future, loop)
        return await future

    def write_sync(self, unit: Callable[[Tx], T]) -> T:
        """Do the same as :meth:`write` from a thread without an event loop."""
        return self._writer.put_and_wait(unit)

    async def read(self, query: Callable[[Tx], T]) -> T:
        """Run the query in a reader thread, in a read-only snapshot, and return its result."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._readers, self.read_sync, query)
        except RuntimeError as error:
            if self._closed:
                raise _closed() from error
            raise

    def read_sync(self, query: Callable[[Tx], T]) -> T:
        """Run the query in this thread, in a read-only snapshot; it may run twice when a connection turns out dead."""
        if self._closed:
            raise _closed()
        try:
            return self._read(query)
        except Exception as error:  # noqa: BLE001 - a query may raise anything; driver errors are translated
            if not _disconnected(error):
                raise translated(error) from error.__cause__
        try:
            return self._read(query)
        except Exception as error:  # noqa: BLE001 - as above
            raise translated(error) from error.__cause__

    def _read(self, query: Callable[[Tx], T]) -> T:
        connection = self._engine.raw_connection()
        try:
            driver = connection.driver_connection
            if driver is None:
                raise _closed()
            tx = Tx(driver, self.dialect)
            tx.run("BEGIN" if self.path is not None else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            result = query(tx)
            tx.run("COMMIT")
        except Exception as error:
            if is_driver_error(error):
                connection.invalidate()
            raise
        else:
            return result
        finally:
            connection.close()

    def close(self) -> None:
        """Write what waits, refuse what comes, close every connection; blocks until the queue is empty."""
        if self._closed:
            return
        self._writer.close()
        self._closed = True
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _disconnected(error: BaseException) -> bool:
    """Whether another connection may answer: the server went away, or the file was replaced."""
    return is_driver_error(error) and any(
        cls.__name__ in {"OperationalError", "InterfaceError"} for cls in type(error).__mro__
    )


def _closed() -> UnavailableError:
    return UnavailableError("The store is closed.", next_step="The process is shutting down; try another.")
