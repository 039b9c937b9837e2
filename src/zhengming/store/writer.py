"""The writer thread: takes what waits, runs it as one transaction, tells the waiters.

While one transaction is being synced to disk, the next one gathers. A lone writer is served at once; where several
write at the same time the thread lingers a moment before it begins, as PostgreSQL's `commit_delay` does: a transaction
costs ten times what one more unit in it costs.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

from zhengming.store.errors import BusyError
from zhengming.store.readers import closed
from zhengming.store.transaction import Outcome, Transactions, Unit
from zhengming.store.tx import Tx

T = TypeVar("T")

LINGER: Final = 0.002
"""Seconds to wait for company, once the last batches had some."""
_CROWD: Final = 1.5


class _Job(NamedTuple):
    unit: Unit
    future: Any  # asyncio.Future when there is a loop, else concurrent.futures.Future
    loop: asyncio.AbstractEventLoop | None


_Settled = list[tuple[Any, Outcome]]


class Writer:
    """One thread that owns every write of the process."""

    def __init__(self, transactions: Transactions, *, batch: int, queue: int) -> None:
        self._transactions = transactions
        self._batch = batch
        self._limit = queue
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closing = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="store-write", daemon=True)
        self._thread.start()

    def put(self, unit: Unit, future: Any, loop: asyncio.AbstractEventLoop | None) -> None:
        """Let the unit wait its turn; raises BusyError when too many wait, UnavailableError when the store closes."""
        with self._gate:
            if self._closing:
                raise closed()
            if self._queue.qsize() >= self._limit:
                raise BusyError(
                    f"{self._limit} writes wait for the database already.",
                    next_step="Nothing was stored; try again in a moment.",
                )
            self._queue.put(_Job(unit, future, loop))

    @property
    def waiting(self) -> int:
        """How many units wait for their transaction; a moment's picture, from any thread."""
        return self._queue.qsize()

    def put_and_wait(self, unit: Callable[[Tx], T]) -> T:
        """Let the unit wait its turn and block until it is committed."""
        future: Future[T] = Future()
        self.put(unit, future, None)
        return future.result()

    def close(self) -> None:
        """Refuse what comes, write what waits, end the thread."""
        with self._gate:
            if not self._closing:
                self._closing = True
                self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        get, get_nowait = self._queue.get, self._queue.get_nowait
        going = True
        usual = 1.0  # units in a batch, of late
        while going:
            job = get()
            if usual > _CROWD and not self._closing:
                time.sleep(LINGER)
            jobs: list[_Job] = []
            while job is not None:
                jobs.append(job)
                if len(jobs) >= self._batch:
                    break
                try:
                    job = get_nowait()
                except Empty:
                    break
            else:
                going = False
            usual += (len(jobs) - usual) / 4
            if jobs:
                _deliver(jobs, self._transactions.run([job.unit for job in jobs]))
        self._transactions.close()


def _deliver(jobs: list[_Job], outcomes: list[Outcome]) -> None:
    """Resolve the futures: one call into each event loop, whatever the number of its units."""
    loops: dict[asyncio.AbstractEventLoop, _Settled] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.loop is None:
            _resolve(job.future, outcome)
        elif (settled := loops.get(job.loop)) is None:
            loops[job.loop] = [(job.future, outcome)]
        else:
            settled.append((job.future, outcome))
    for loop, settled in loops.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: _Settled) -> None:
    for future, outcome in settled:
        if not future.done():  # the waiter may have given up
            _resolve(future, outcome)


def _resolve(future: Any, outcome: Outcome) -> None:
    if outcome.error is None:
        future.set_result(outcome.value)
    else:
        future.set_exception(outcome.error)
