"""The rows and ledger entries of a turn: each function is (part of) one unit, so that rows and evidence never part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from zhengming import ledger
from zhengming.core.errors import UnavailableError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType, Surface, Word
from zhengming.gateway import models
from zhengming.gateway.wire.base import Found
from zhengming.store import Tx

OPEN: Final = "open"
CLOSED: Final = "closed"
INTERRUPTED: Final = "interrupted"


class Ending(Word):
    """How a turn was answered."""

    UNDERWAY = "underway", "It is still being answered, or its process died before it could say."
    SERVED = "served", "The model's answer was shown to its end."
    STOPPED = "stopped", "The model's answer was stopped; a notice followed."
    HELP = "help", "Prepared help was shown instead of a model's answer."
    NOTICE = "notice", "A notice was shown instead of a model's answer."
    REFUSED = "refused", "The request was refused by a limit or because something needed was down."
    FAILED = "failed", "The upstream failed; the client got its error."
    CLIENT_GONE = "client_gone", "The client left before the end."


class ClosedElsewhereError(UnavailableError):
    """The turn is not open any more: another process took this one for dead and closed it as interrupted."""

    code = "turn_interrupted"


class Opened(NamedTuple):
    """What is known of a turn when it opens. `fields` are the columns of its row, `evidence` is what the entry says."""

    id: str
    at: int
    fields: dict[str, Any]
    evidence: dict[str, Any]
    reasons: tuple[Found, ...]


class Closed(NamedTuple):
    """What is known of a turn when it closes."""

    id: str
    at: int
    fields: dict[str, Any]
    evidence: dict[str, Any]
    reasons: tuple[Found, ...]


_LATER: Final = frozenset(
    {
        "closed_at",
        "first_byte_ms",
        "held_max",
        "tokens_in",
        "tokens_out",
        "output_sealed",
        "said_sealed",
        "added_ms",
        "closed_entry",
    }
)
_TURN_COLUMNS: Final = [column.name for column in models.turn.columns if column.name not in _LATER]
_INSERT_TURN: Final = (
    f"INSERT INTO turn ({', '.join(_TURN_COLUMNS)}) VALUES ({', '.join(':' + name for name in _TURN_COLUMNS)})"
)
_CLOSE_TURN: Final = (
    "UPDATE turn SET state = 'closed', outcome = :outcome, upstream = :upstream, unscreened = :unscreened, "
    "verdict_output = :verdict_output, closed_at = :closed_at, first_byte_ms = :first_byte_ms, held_max = :held_max, "
    "tokens_in = :tokens_in, tokens_out = :tokens_out, output_sealed = :output_sealed, said_sealed = :said_sealed, "
    "added_ms = :added_ms, closed_entry = :closed_entry WHERE id = :id AND state = 'open'"
)
_INTERRUPT_TURN: Final = (
    "UPDATE turn SET state = 'interrupted', closed_at = :now, closed_entry = :entry WHERE id = :id AND state = 'open'"
)
_INSERT_PROGRESS: Final = (
    "INSERT INTO turn_progress (turn_id, entry_id, at, characters) VALUES (:turn, :entry, :at, :characters)"
)
_INSERT_SIGNAL: Final = (
    f"INSERT INTO turn_signal ({', '.join(column.name for column in models.turn_signal.columns)}) "
    f"VALUES ({', '.join(':' + column.name for column in models.turn_signal.columns)})"
)
_SEEN: Final = (
    "INSERT INTO gateway_instance (id, seen_at) VALUES (:id, :seen_at) "
    "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at"
)
_ORPHANS: Final = (
    "SELECT t.id, t.opened_at FROM turn t LEFT JOIN gateway_instance i ON i.id = t.instance "
    "WHERE t.state = 'open' AND t.instance <> :me AND (i.id IS NULL OR i.seen_at < :dead_before) ORDER BY t.opened_at"
)
_OUTPUT_POSITIONS: Final = 10_000  # signals on output are numbered from here, so that both may be written apart


def said_seal(turn_id: str) -> str:
    """The name that the model's own words are sealed under: not the turn's id, which seals input and output."""
    return f"{turn_id}/said"


def reasons_as_json(reasons: Sequence[Found]) -> list[dict[str, Any]]:
    """The reasons as an entry carries them: rule, version, category, verdict and span, never a text."""
    return [
        {
            "place": place,
            "category": reason.signal.category,
            "severity": reason.signal.severity,
            "rule": reason.signal.rule,
            "version": reason.signal.version,
            "verdict": reason.verdict,
            "span": list(reason.signal.span) if reason.signal.span else None,
        }
        for place, reason in reasons
    ]


def _signal_rows(turn_id: str, surface: Surface, reasons: Sequence[Found], first: int) -> list[dict[str, Any]]:
    return [
        {
            "turn_id": turn_id,
            "position": first + number,
            "surface": surface,
            "place": place,
            "category": reason.signal.category,
            "severity": reason.signal.severity,
            "rule": reason.signal.rule,
            "rule_version": reason.signal.version,
            "span_start": reason.signal.span.start if reason.signal.span else None,
            "span_end": reason.signal.span.end if reason.signal.span else None,
            "score": reason.signal.score,
            "verdict": reason.verdict,
        }
        for number, (place, reason) in enumerate(reasons)
    ]


def open_turn(tx: Tx, opened: Opened) -> None:
    """Write the row, the signals on the input and the *opened* entry."""
    entry = ledger.append(tx, EventType.TURN_OPENED, opened.evidence, at=opened.at)
    tx.run(_INSERT_TURN, {**opened.fields, "opened_entry": entry})
    if opened.reasons:
        tx.run_many(_INSERT_SIGNAL, _signal_rows(opened.id, Surface.INPUT, opened.reasons, 0))


def note_progress(tx: Tx, turn_id: str, at: int, commitment: str, characters: int) -> None:
    """Write what a long stream has shown so far: the commitment to the prefix and its length."""
    evidence = {"turn": turn_id, "shown": commitment, "shown_characters": characters}
    entry = ledger.append(tx, EventType.TURN_PROGRESS, evidence, at=at)
    tx.run(_INSERT_PROGRESS, {"turn": turn_id, "entry": entry, "at": at, "characters": characters})


def close_turn(tx: Tx, closed: Closed) -> None:
    """Write the end of the row, the signals on the output and the *closed* entry.

    Raises ClosedElsewhereError, and so leaves no trace, when the turn is not open: a turn has one closing entry.
    """
    entry = new_uuid(milliseconds=closed.at)
    if not tx.run(_CLOSE_TURN, {**closed.fields, "closed_entry": entry}):
        raise ClosedElsewhereError(
            f"The turn {closed.id} was closed as interrupted: its process did not say for too long that it lives.",
            next_step="Look for what held the process up, such as a full disk or a machine that was asleep.",
        )
    if closed.reasons:
        tx.run_many(_INSERT_SIGNAL, _signal_rows(closed.id, Surface.OUTPUT, closed.reasons, _OUTPUT_POSITIONS))
    ledger.append(tx, EventType.TURN_CLOSED, closed.evidence, at=closed.at, entry_id=entry)


def heartbeat(tx: Tx, instance: str, now: int) -> None:
    """Say that this process lives."""
    tx.run(_SEEN, {"id": instance, "seen_at": now})


def close_orphans(tx: Tx, instance: str, now: int, *, silence: int) -> int:
    """Close the turns of processes that have been silent for `silence` milliseconds as *interrupted*; return how many.

    What they had shown is known up to their last *progress* entry; the entry says so by naming nothing more.
    """
    found = tx.rows(_ORPHANS, {"me": instance, "dead_before": now - silence})
    for turn_id, opened_at in found:
        entry = new_uuid(milliseconds=now)
        if tx.run(_INTERRUPT_TURN, {"now": now, "entry": entry, "id": turn_id}):
            evidence = {"turn": turn_id, "opened_at": opened_at}
            ledger.append(tx, EventType.TURN_INTERRUPTED, evidence, at=now, entry_id=entry)
    tx.run("DELETE FROM gateway_instance WHERE seen_at < :dead_before", {"dead_before": now - silence})
    return len(found)


def note_rules(tx: Tx, rules: str, policy: str, count: int, now: int) -> None:
    """Write down which rules are in force in a process, unless the last entry of its kind says the same."""
    in_force = f"{rules}/{policy}"
    row = tx.one("SELECT rules FROM rules_in_force WHERE id = 1")
    if row is not None and row[0] == in_force:
        return
    tx.run(
        "INSERT INTO rules_in_force (id, rules, since) VALUES (1, :rules, :now) "
        "ON CONFLICT (id) DO UPDATE SET rules = excluded.rules, since = excluded.since",
        {"rules": in_force, "now": now},
    )
    ledger.append(tx, EventType.RULES_CHANGED, {"rules": rules, "policy": policy, "count": count}, at=now)
