"""Checks of the whole ledger that a server makes beside its work, one at a time, each kept with what it found.

A check reads in a thread of its own through connections of its own, in bounded memory. While it runs its row says how
far it is and when it was last heard of; a process that dies in between leaves a row that falls silent.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import structlog

from zhengming.core.errors import ConflictError, NotFoundError, ZhengmingError
from zhengming.core.words import EventType
from zhengming.ledger.entries import append
from zhengming.ledger.findings import Finding, Kind, Report
from zhengming.ledger.prove import read_head
from zhengming.ledger.verify import verify
from zhengming.store import Row, Store, Tx
from zhengming.store.readers import Reader

log = structlog.get_logger(__name__)

RUNNING: Final = "running"
PASSED: Final = "passed"
FAULTS: Final = "faults"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted"

SILENT: Final = 60_000
"""Milliseconds without a sign after which a running check counts as interrupted."""
KEPT: Final = 200
"""How many findings are kept; the others are counted."""
_PACE: Final = 1.0  # seconds between two signs of life

_COLUMNS: Final = "id, started_at, started_by, instance, state, size, done, finished_at, report"


class Check(NamedTuple):
    """A run of the verification. `done` of `size` entries were read; `report` is JSON, see :meth:`result`."""

    id: str
    started_at: int
    started_by: str
    instance: str
    state: str
    size: int
    done: int
    finished_at: int | None
    report: str

    def state_at(self, now: int) -> str:
        """Return the state; a running check that was not heard of for a minute is interrupted."""
        if self.state == RUNNING and now - self.result().get("seen_at", self.started_at) > SILENT:
            return INTERRUPTED
        return self.state

    def result(self) -> dict[str, Any]:
        """Return what is known: `seen_at` while it runs; `root`, `checked`, `total` when it ended; or `error`."""
        return dict(json.loads(self.report))

    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong, the first of `result()["total"]`."""
        return tuple(Finding(Kind(kind), place, text) for kind, place, text in self.result().get("findings", ()))


def begin(tx: Tx, check_id: str, *, who: str, instance: str, now: int) -> Check:
    """Note in this unit that a check begins; ConflictError while another one runs, here or on another server."""
    for row in tx.rows(f"SELECT {_COLUMNS} FROM ledger_check WHERE state = :state", {"state": RUNNING}):
        other = Check(*row)
        if other.state_at(now) == RUNNING:
            raise ConflictError(
                f"A check of the ledger by {other.started_by} is under way.", next_step="Wait until it has ended."
            )
        _close(tx, other, INTERRUPTED, now, other.result())
    report = json.dumps({"seen_at": now})
    made = Check(check_id, now, who, instance, RUNNING, read_head(tx)[0].size, 0, None, report)
    tx.run(
        f"INSERT INTO ledger_check ({_COLUMNS}) VALUES (:id, :started_at, :started_by, :instance, :state, :size, :done,"
        " :finished_at, :report)",
        made._asdict(),
    )
    return made


def close_orphans(tx: Tx, instance: str, now: int, *, silence: int = SILENT) -> int:
    """Mark the checks of other processes as interrupted that were silent for longer than `silence` ms; return them."""
    found = [Check(*row) for row in tx.rows(f"SELECT {_COLUMNS} FROM ledger_check WHERE state = '{RUNNING}'")]
    dead = [
        one for one in found if one.instance != instance and now - one.result().get("seen_at", one.started_at) > silence
    ]
    for one in dead:
        _close(tx, one, INTERRUPTED, now, one.result())
    return len(dead)


def get(tx: Tx, check_id: str) -> Check:
    """Read one check; NotFoundError when there is none of this id."""
    row = tx.one(f"SELECT {_COLUMNS} FROM ledger_check WHERE id = :id", {"id": check_id})
    if row is None:
        raise NotFoundError(f"There is no check {check_id!r} of the ledger.", next_step="See the list of checks.")
    return _from_row(row)


def list_of(tx: Tx, *, limit: int = 20) -> list[Check]:
    """Read the checks, the latest first."""
    rows = tx.rows(f"SELECT {_COLUMNS} FROM ledger_check ORDER BY id DESC LIMIT :limit", {"limit": limit})
    return [_from_row(row) for row in rows]


def start(store: Store, public: bytes, check: Check, clock: Callable[[], int]) -> threading.Thread:
    """Make the check that :func:`begin` noted in a thread and return it; what it finds stands in the check's row.

    It ends by itself, within about a second, when the store is closed.
    """
    work = threading.Thread(
        target=_work, args=(store, public, check, clock), name=f"ledger-check-{check.id[:8]}", daemon=True
    )
    work.start()
    return work


def _work(store: Store, public: bytes, check: Check, clock: Callable[[], int]) -> None:
    heard = time.monotonic()

    def progress(done: int, size: int) -> None:
        nonlocal heard
        if time.monotonic() - heard >= _PACE:
            heard = time.monotonic()
            now = clock()
            store.write_sync(lambda tx: _seen(tx, check, done, size, now))

    try:
        with Reader.open(store.url) as reader:
            report = verify(reader, (public,), progress=progress)
        _finish(store, check, report, clock())
    except Exception as error:  # noqa: BLE001 - a thread has nobody above it: the row and the log say what happened
        log.warning("ledger.check_failed", check=check.id, reason=repr(error))
        _give_up(store, check, error, clock())


def _finish(store: Store, check: Check, report: Report, now: int) -> None:
    """Write the result and its entry; a ledger too broken to take an entry still leaves the result in the row."""

    def unit(tx: Tx) -> None:
        _write(tx, check, report, now, recorded=True)
        fields = {"check": check.id, "who": check.started_by, "size": report.size, "root": report.root}
        append(tx, EventType.LEDGER_CHECKED, {**fields, "ok": report.ok, "findings": report.total}, at=now)

    try:
        store.write_sync(unit)
    except ZhengmingError as error:
        log.error("ledger.check_unrecorded", check=check.id, reason=str(error))  # noqa: TRY400 - the reason says it
        store.write_sync(lambda tx: _write(tx, check, report, now, recorded=False))


def _write(tx: Tx, check: Check, report: Report, now: int, *, recorded: bool) -> None:
    result = {
        "root": report.root,
        "checked": report.checked,
        "total": report.total,
        "findings": [[str(one.kind), one.place, one.message] for one in report.findings[:KEPT]],
        "recorded": recorded,
    }
    ended = check._replace(size=report.size, done=report.checked)
    _close(tx, ended, PASSED if report.ok else FAULTS, now, result)


def _give_up(store: Store, check: Check, error: Exception, now: int) -> None:
    try:
        store.write_sync(lambda tx: _close(tx, check, FAILED, now, {"error": str(error)}))
    except ZhengmingError as closed:  # the store is down: the row falls silent and is closed at the next start
        log.warning("ledger.check_left", check=check.id, reason=str(closed))


def _seen(tx: Tx, check: Check, done: int, size: int, now: int) -> None:
    tx.run(
        "UPDATE ledger_check SET done = :done, size = :size, report = :report WHERE id = :id AND state = :state",
        {"done": done, "size": size, "report": json.dumps({"seen_at": now}), "id": check.id, "state": RUNNING},
    )


def _close(tx: Tx, check: Check, state: str, now: int, result: dict[str, Any]) -> None:
    tx.run(
        "UPDATE ledger_check SET state = :state, size = :size, done = :done, finished_at = :now, report = :report"
        " WHERE id = :id",
        {
            "state": state,
            "size": check.size,
            "done": check.done,
            "now": now,
            "report": json.dumps(result, ensure_ascii=False),
            "id": check.id,
        },
    )


def _from_row(row: Row) -> Check:
    return Check(*row)
