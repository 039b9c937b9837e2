"""Reads: a small pool of connections of their own, each query in a read-only snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Engine

from zhengming.core.errors import UnavailableError
from zhengming.store.connect import make_engine, parse, sqlite_path
from zhengming.store.errors import disconnected, is_driver_error, translated
from zhengming.store.tx import Tx

T = TypeVar("T")


class Reader:
    """A database that is only read. The SQLite file is opened read-only, beside a server that writes it."""

    def __init__(self, engine: Engine, url: str, *, readers: int = 4) -> None:
        self.url = url
        self.path = sqlite_path(parse(url))
        self.dialect = "postgresql" if self.path is None else "sqlite"
        self._engine = engine
        self.readers = readers
        self.reading = 0  # queries of :meth:`read` that run or wait for a thread
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="store-read")
        self._closed = False
        self._begin = "BEGIN" if self.path is not None else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    @classmethod
    def open(cls, url: str) -> Self:
        """Open an existing database for reading; raises InvalidInputError on a bad URL."""
        return cls(make_engine(parse(url), read_only=True), url)

    async def read(self, query: Callable[[Tx], T]) -> T:
        """Run the query in a reader thread and return its result; it sees one snapshot and may run twice."""
        if self._closed:
            raise closed()
        self.reading += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_sync, query)
        finally:
            self.reading -= 1

    def read_sync(self, query: Callable[[Tx], T]) -> T:
        """Run the query in this thread; raises StoreUnavailableError when the database does not answer."""
        if self._closed:
            raise closed()
        try:
            try:
                return self._read(query)
            except Exception as error:
                if not disconnected(error):
                    raise
                self._engine.dispose()  # the server went away: what else lies in the pool is dead as well
                return self._read(query)
        except Exception as error:
            known = translated(error)
            if known is error:
                raise
            raise known from error

    def _read(self, query: Callable[[Tx], T]) -> T:
        connection = self._engine.raw_connection()
        try:
            driver: Any = connection.driver_connection
            tx = Tx(driver, self.dialect)
            tx.run(self._begin)
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
        """Refuse what comes, let running queries end, close every connection."""
        if self._closed:
            return
        self._closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def closed() -> UnavailableError:
    """Return the error for work that arrives after `close`."""
    return UnavailableError("The store is closed.", next_step="The process is shutting down; try another.")
