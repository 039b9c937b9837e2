"""Random turns, written straight into the tables, and the same counts made by hand from every row."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from zhengming.core.ids import new_uuid
from zhengming.core.words import Category, Verdict
from zhengming.gateway import models
from zhengming.gateway.records import Ending
from zhengming.gateway.stats.stretches import ALL, BEYOND, MEASURES, label_of, moment_of, start_of
from zhengming.store import Store, Tx

_OUTCOMES = (Ending.SERVED, Ending.STOPPED, Ending.HELP, Ending.NOTICE, Ending.FAILED, Ending.CLIENT_GONE)
TURN = [column.name for column in models.turn.columns]
SIGNAL = [column.name for column in models.turn_signal.columns]
_INSERT = "INSERT INTO {} ({}) VALUES ({})"
Rows = list[dict[str, Any]]


def seeded(seed: int) -> random.Random:
    """Return a source of the same turns at each run."""
    return random.Random(seed)  # noqa: S311 - made-up turns


def insert(tx: Tx, table: str, columns: list[str], rows: Rows) -> None:
    """Write rows of a table."""
    if rows:
        sql = _INSERT.format(table, ", ".join(columns), ", ".join(f":{name}" for name in columns))
        tx.run_many(sql, rows)


def turn_at(draw: random.Random, moment: int, **more: Any) -> dict[str, Any]:
    """Make the row of a turn whose id says `moment`."""
    state = draw.choices(("closed", "open", "interrupted"), (20, 1, 1))[0]
    known = state == "closed"
    row: dict[str, Any] = dict.fromkeys(TURN)
    row |= {
        "id": new_uuid(milliseconds=moment, randomness=draw.randbytes(10)),
        "state": state,
        "outcome": draw.choice(_OUTCOMES) if known else Ending.UNDERWAY,
        "service_id": draw.choice(("chat", "companion", "bot")),
        "key_id": "key",
        "person_id": "person",
        "conversation_id": "conversation",
        "relation": "new",
        "api": "chat",
        "model": "m",
        "upstream": "u",
        "streamed": draw.randrange(2),
        "audience": "adult",
        "unattributed": int(draw.random() < 0.2),
        "unscreened": int(draw.random() < 0.1),
        "unjudged": 0,
        "verdict_input": draw.choice((Verdict.ALLOW, Verdict.ALLOW, Verdict.REDACT, Verdict.BLOCK)),
        "verdict_output": draw.choice((Verdict.ALLOW, Verdict.REDACT, Verdict.STOP)) if known else "",
        "care_level": draw.choice((0, 0, 0, 1, 3)),
        "rules_version": "r",
        "policy_version": "p",
        "instance": "i",
        "opened_at": moment + 1,
        "closed_at": moment + 500 if known else None,
        "first_byte_ms": draw.randrange(80_000) if known else None,
        "held_max": draw.choice((None, 0, 1, 5, 64, 65, 200)) if known else None,
        "tokens_in": draw.choice((None, 0, 12, 4_000)) if known else None,
        "tokens_out": draw.choice((None, 7)) if known else None,
        "added_ms": draw.choice((None, 0.25, 0.5, 3.5, 6_000.25)) if known else None,
        **more,
    }
    return row


def signals_of(draw: random.Random, turn_id: str) -> Rows:
    """Make the rows of none to three signals of a turn."""
    return [
        {
            "turn_id": turn_id,
            "position": position,
            "surface": draw.choice(("input", "output")),
            "place": "messages/0/content",
            "category": draw.choice(tuple(Category)[:4]),
            "severity": 3,
            "rule": "r",
            "rule_version": "1",
            "span_start": None,
            "span_end": None,
            "score": 1.0,
            "verdict": draw.choice((Verdict.ANNOTATE, Verdict.REDACT)),
        }
        for position in range(draw.choice((0, 0, 1, 3)))
    ]


def write_turns(store: Store, draw: random.Random, moments: list[int], **more: Any) -> None:
    """Write a random turn for each moment, and its signals."""
    turns = [turn_at(draw, moment, **more) for moment in moments]
    signals = [signal for turn in turns for signal in signals_of(draw, turn["id"])]

    def unit(tx: Tx) -> None:
        insert(tx, "turn", TURN, turns)
        insert(tx, "turn_signal", SIGNAL, signals)

    store.write_sync(unit)


Found = dict[tuple[int, str, str, str], tuple[int, float]]


def counted_by_hand(store: Store, width: int) -> Found:
    """Count every row of the tables in plain Python: (bucket, service, name, label) to count and total."""
    counts: Counter[tuple[int, str, str, str]] = Counter()
    totals: Counter[tuple[int, str, str, str]] = Counter()
    turns = [dict(zip(TURN, row, strict=True)) for row in store.read_sync(lambda tx: tx.rows(_all("turn", TURN)))]
    signals = [
        dict(zip(SIGNAL, row, strict=True)) for row in store.read_sync(lambda tx: tx.rows(_all("turn_signal", SIGNAL)))
    ]
    for turn in turns:
        mine = [signal for signal in signals if signal["turn_id"] == turn["id"]]
        for name, label, total in [*_of_turn(turn), *_of_signals(turn, mine)]:
            for service in (turn["service_id"], ALL):
                key = (start_of(moment_of(turn["id"]), width), service, name, label)
                counts[key] += 1
                totals[key] += total
    return {key: (count, float(totals[key])) for key, count in counts.items()}


def _all(table: str, columns: list[str]) -> str:
    return f"SELECT {', '.join(columns)} FROM {table}"


def _of_turn(turn: dict[str, Any]) -> list[tuple[str, str, Any]]:
    found: list[tuple[str, str, Any]] = [("turns", "", 0)]
    named = {"verdict_in": "verdict_input", "verdict_out": "verdict_output", "care": "care_level"}
    found += [(name, str(turn[named.get(name, name)]), 0) for name in ("state", "outcome", *named)]
    found += [(name, "", 0) for name in ("unscreened", "unattributed", "streamed") if turn[name]]
    found += [(name, "", turn[name]) for name in ("tokens_in", "tokens_out") if turn[name] is not None]
    for name, column, bounds in MEASURES:
        value = turn[column]
        if value is not None:
            label = next((label_of(bound) for bound in bounds if value <= bound), BEYOND)
            found.append((name, label, value))
    return found


def _of_signals(turn: dict[str, Any], signals: Rows) -> list[tuple[str, str, Any]]:
    labels: Counter[tuple[str, str]] = Counter()
    for one in signals:
        labels["signal", f"{one['surface']}/{one['category']}/{one['verdict']}"] += 1
        labels["category", one["category"]] += 1
        labels["category_in", f"{one['category']}/{turn['verdict_input']}"] += 1
        labels["category_out", f"{one['category']}/{turn['verdict_output']}"] += 1
    return [(name, label, number) for (name, label), number in labels.items()]


def stored(store: Store, grain: int) -> Found:
    """Return the roll-up of a grain in the same shape."""
    rows = store.read_sync(
        lambda tx: tx.rows(
            "SELECT bucket, service_id, name, label, count, total FROM turn_stat WHERE grain = :grain", {"grain": grain}
        )
    )
    return {tuple(row[:4]): (int(row[4]), float(row[5])) for row in rows}
