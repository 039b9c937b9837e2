"""What a unit or a query gets: driver-level SQL in one style on both databases.

A unit is a plain function of a :class:`Tx`. It is short, does nothing but SQL, and **may run more than once**: only its
last run counts, so it leaves no trace outside the transaction except through :meth:`Tx.on_commit`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from zhengming.store.sql import to_psycopg

_log = logging.getLogger(__name__)

Row = tuple[Any, ...]
Values = Mapping[str, object]
NO_VALUES: Final[Values] = {}


class Cursor(Protocol):
    """The part of a DB-API cursor that both drivers share."""

    rowcount: int

    def execute(self, sql: str, values: Any = ..., /) -> Any:
        """Run one statement."""

    def executemany(self, sql: str, rows: Any, /) -> Any:
        """Run one statement for every row."""

    def fetchall(self) -> list[Row]:
        """Return the rows that are left."""
        ...

    def fetchone(self) -> Row | None:
        """Return the next row."""

    def fetchmany(self, size: int, /) -> list[Row]:
        """Return at most `size` rows, none at the end."""
        ...

    def close(self) -> None:
        """Free what the cursor holds."""


class Driver(Protocol):
    """The part of a DB-API connection that both drivers share."""

    def cursor(self, *arguments: Any) -> Any:
        """Return a new cursor; psycopg takes a name for one that lives in the server."""


class Entry(NamedTuple):
    """A ledger entry that waits for the end of the transaction; its payload is `head`, its seq in digits, `tail`."""

    id: str
    type: str
    at: int
    head: bytes
    tail: bytes


class Tx:
    """A transaction as a unit sees it.

    `dialect` is `sqlite` or `postgresql`; `entries` are the ledger entries of the transaction so far;
    `memo` is scratch space that lives as long as the transaction; what a failed unit left in it stays.
    """

    __slots__ = ("_callbacks", "_cursor", "_driver", "_execute", "_postgres", "dialect", "entries", "memo")

    def __init__(self, driver: Driver, dialect: str) -> None:
        self._driver = driver
        self._cursor: Cursor = driver.cursor()
        self._execute = self._cursor.execute
        self._postgres = dialect == "postgresql"
        self._callbacks: list[Callable[[], None]] = []
        self.dialect = dialect
        self.entries: list[Entry] = []
        self.memo: dict[str, Any] = {}

    def run(self, sql: str, values: Values = NO_VALUES) -> int:
        """Run one statement and return how many rows it touched."""
        self._execute(to_psycopg(sql) if self._postgres else sql, values)
        return self._cursor.rowcount

    def run_many(self, sql: str, rows: Sequence[Values]) -> None:
        """Run one statement for each of the rows, in order; cheaper than a loop over :meth:`run`."""
        self._cursor.executemany(to_psycopg(sql) if self._postgres else sql, rows)

    def rows(self, sql: str, values: Values = NO_VALUES) -> list[Row]:
        """Return every row of a query as plain tuples."""
        self._execute(to_psycopg(sql) if self._postgres else sql, values)
        return self._cursor.fetchall()

    def one(self, sql: str, values: Values = NO_VALUES) -> Row | None:
        """Return the first row of a query, None when there is none."""
        self._execute(to_psycopg(sql) if self._postgres else sql, values)
        return self._cursor.fetchone()

    def stream(self, sql: str, values: Values = NO_VALUES, *, size: int = 1000) -> Iterator[list[Row]]:
        """Yield the rows of a query in lists of at most `size`, in bounded memory on both databases."""
        cursor: Cursor = self._driver.cursor("zhengming_stream") if self._postgres else self._driver.cursor()
        try:
            cursor.execute(to_psycopg(sql) if self._postgres else sql, values)
            while rows := cursor.fetchmany(size):
                yield rows
        finally:
            cursor.close()

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the writer thread after COMMIT, before the unit's result is given out.

        It is dropped when the unit fails. It must be quick and must not raise.
        """
        self._callbacks.append(callback)

    def mark(self) -> tuple[int, int]:
        """Return the place to which :meth:`undo` can bring the buffered work back."""
        return len(self.entries), len(self._callbacks)

    def undo(self, mark: tuple[int, int]) -> None:
        """Forget what was buffered since `mark`; the rows are the savepoint's business."""
        del self.entries[mark[0] :]
        del self._callbacks[mark[1] :]

    def committed(self) -> None:
        """Run the callbacks of the units; called by the writer once, after COMMIT."""
        for callback in self._callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - the unit is stored; failing it now would be a lie
                _log.exception("a callback after commit failed; the rows are stored")
