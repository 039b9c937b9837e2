"""Group commit: many units, one transaction, and a failing unit that fails alone.

The common case pays for nothing but BEGIN and COMMIT. When a unit raises, the transaction is rolled back and the units
run again one by one, each in its own savepoint: the meaning of a savepoint a unit, the cost only when something fails.
When a hook finds at the end that the ledger entry of some unit breaks a rule of a table, each unit gets a transaction
of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.pool import PoolProxiedConnection

from zhengming.core.errors import ZhengmingError
from zhengming.store.connect import file_identity
from zhengming.store.errors import RowConflictError, StoreUnavailableError, is_driver_error, translated, unavailable
from zhengming.store.tx import Entry, Tx

Unit = Callable[[Tx], Any]
Hook = Callable[[Tx, list[Entry]], None]

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


class Outcome(NamedTuple):
    """What became of one unit: its result, or the error that it failed with."""

    value: Any
    error: Exception | None


class Transactions:
    """The writer's connection and what is done on it; used by one thread only."""

    def __init__(self, engine: Engine, dialect: str, path: Path | None) -> None:
        self.hooks: list[Hook] = []
        self._engine = engine
        self._dialect = dialect
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._begin = "BEGIN IMMEDIATE" if path is not None else "BEGIN ISOLATION LEVEL READ COMMITTED"
        self._connection: PoolProxiedConnection | None = None
        self._driver: Any = None
        self._pause = 0.0
        self._not_before = 0.0

    def run(self, units: Sequence[Unit]) -> list[Outcome]:
        """Run the units in one transaction; the outcomes are in the same order and true after COMMIT."""
        try:
            return self._together(units) or self._one_by_one(units) or [self.run([unit])[0] for unit in units]
        except BaseException as error:  # noqa: BLE001 - whatever it is, it happened to every unit of the batch
            self._drop()
            failure = error if isinstance(error, ZhengmingError) else unavailable(error)
            return [Outcome(None, failure)] * len(units)

    def _together(self, units: Sequence[Unit]) -> list[Outcome]:
        """Run the units without savepoints; nothing when one raised and the others must be tried without it."""
        tx = self._start()
        values = []
        try:
            for unit in units:
                values.append(unit(tx))  # noqa: PERF401 - a comprehension would hide which unit failed
            self._call_hooks(tx)
        except Exception as error:  # noqa: BLE001 - a unit may raise anything; it is handed to its caller
            self._roll_back()
            return [Outcome(None, translated(error))] if len(units) == 1 else []
        self._commit(tx)
        return [Outcome(value, None) for value in values]

    def _one_by_one(self, units: Sequence[Unit]) -> list[Outcome]:
        """Run each unit in its savepoint; nothing when a hook found that one of them breaks a rule of a table."""
        tx = self._start()
        outcomes = []
        for unit in units:
            tx.run("SAVEPOINT unit")
            mark = tx.mark()
            try:
                outcome = Outcome(unit(tx), None)
            except Exception as error:  # noqa: BLE001 - as above
                tx.run("ROLLBACK TO SAVEPOINT unit")
                tx.undo(mark)
                outcome = Outcome(None, translated(error))
            tx.run("RELEASE SAVEPOINT unit")
            outcomes.append(outcome)
        try:
            self._call_hooks(tx)
        except Exception as error:
            if not isinstance(translated(error), RowConflictError):
                raise
            self._roll_back()
            return []
        self._commit(tx)
        return outcomes

    def _call_hooks(self, tx: Tx) -> None:
        if tx.entries:
            if not self.hooks:
                raise StoreUnavailableError(
                    "A unit appended to the ledger, but no ledger is attached to this store.",
                    next_step="Call Ledger.attach(store, ...) where the store is opened.",
                )
            for hook in self.hooks:
                hook(tx, tx.entries)

    def _commit(self, tx: Tx) -> None:
        self._check_file()
        tx.run("COMMIT")
        tx.committed()

    def _start(self) -> Tx:
        """Begin, on a new connection when the old one turns out to be dead: nothing has run yet, so that is safe."""
        if self._driver is not None:
            try:
                return self._began()
            except Exception as error:
                self._drop()
                if not is_driver_error(error) or "locked" in str(error):
                    raise
        self._connect()
        return self._began()

    def _began(self) -> Tx:
        self._check_file()
        tx = Tx(self._driver, self._dialect)
        tx.run(self._begin)
        return tx

    def _connect(self) -> None:
        wait = self._not_before - time.monotonic()
        if wait > 0:
            raise StoreUnavailableError(
                "The database is not reachable.",
                next_step=f"The next attempt is made in {wait:.1f} s; nothing was stored.",
            )
        try:
            self._connection = self._engine.raw_connection()
        except Exception as error:
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
            self._not_before = time.monotonic() + self._pause
            raise unavailable(error) from error
        self._driver = self._connection.driver_connection
        self._identity = None if self._path is None else file_identity(self._path)
        self._pause = 0.0

    def _check_file(self) -> None:
        if self._path is not None and file_identity(self._path) != self._identity:
            raise StoreUnavailableError(
                f"The database file {self._path} was taken away or replaced while it was open.",
                next_step="Put it back; the store reconnects by itself.",
            )

    def _roll_back(self) -> None:
        try:
            self._driver.rollback()
        except Exception as error:
            if not is_driver_error(error):
                raise
            self._drop()

    def _drop(self) -> None:
        connection, driver = self._connection, self._driver
        self._connection = self._driver = None
        if connection is None:
            return
        with suppress(Exception):  # SQLite keeps a closed connection's lock while a statement of it is alive
            driver.rollback()
        connection.invalidate()
        self._engine.dispose()  # the connections that lie in the pool went the same way

    def close(self) -> None:
        """Give the connection back to the engine."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            connection.close()
