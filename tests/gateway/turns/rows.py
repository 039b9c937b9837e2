"""Synthetic turns for tests and for looking at query plans: rows only, no ledger, spread over services and endings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from zhengming.core.ids import new_uuid
from zhengming.gateway import models
from zhengming.store import Tx

START = 1_763_000_000_000
_TURN = [column.name for column in models.turn.columns]
_SIGNAL = [column.name for column in models.turn_signal.columns]
INSERT_TURN = f"INSERT INTO turn ({', '.join(_TURN)}) VALUES ({', '.join(':' + name for name in _TURN)})"
INSERT_SIGNAL = f"INSERT INTO turn_signal ({', '.join(_SIGNAL)}) VALUES ({', '.join(':' + name for name in _SIGNAL)})"
CATEGORIES = ("fraud", "privacy", "self_harm", "sexual", "prompt_attack")


def turn_row(at: int, noise: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """One closed, served turn that nothing was found in; `fields` say otherwise."""
    row = dict.fromkeys(_TURN)
    row |= {
        "id": new_uuid(milliseconds=at, randomness=noise),
        "state": "closed",
        "outcome": "served",
        "service_id": "s0",
        "key_id": "k0",
        "person_id": "p0",
        "conversation_id": "c0",
        "relation": "new",
        "api": "chat",
        "model": "m0",
        "upstream": "main",
        "streamed": 1,
        "audience": "adult",
        "unattributed": 0,
        "unscreened": 0,
        "unjudged": 0,
        "verdict_input": "allow",
        "verdict_output": "allow",
        "care_level": 0,
        "rules_version": "r1",
        "policy_version": "p1",
        "instance": "i1",
        "opened_at": at,
        "closed_at": at + 900,
        "first_byte_ms": 120,
        "held_max": 8,
        "tokens_in": 20,
        "tokens_out": 90,
    }
    return {**row, **fields}


def signal_row(turn_id: str, position: int = 0, **fields: Any) -> dict[str, Any]:
    """One finding of a turn."""
    row = {
        "turn_id": turn_id,
        "position": position,
        "surface": "output",
        "place": "0/content",
        "category": "fraud",
        "severity": 3,
        "rule": "fraud.safe_account",
        "rule_version": "v1",
        "span_start": 3,
        "span_end": 9,
        "score": 1.0,
        "verdict": "stop",
    }
    return {**row, **fields}


def insert(tx: Tx, turns: list[dict[str, Any]], signals: list[dict[str, Any]] | None = None) -> None:
    """Write rows."""
    tx.run_many(INSERT_TURN, turns)
    if signals:
        tx.run_many(INSERT_SIGNAL, signals)


def many(
    count: int, seed: int = 1, *, gap: int = 1000, sealed: int = 0
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield turns as a year of traffic may hold them, each with its signals: a few services, rare endings."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable sample, no secret
    text = bytes(sealed) or None
    for number in range(count):
        row = turn_row(
            START + number * gap,
            chance.randbytes(10),
            service_id=f"s{min(int(chance.expovariate(0.7)), 9)}",
            person_id=f"p{chance.randrange(max(count // 20, 1))}",
            conversation_id=f"c{chance.randrange(max(count // 6, 1))}",
            model=f"m{chance.randrange(4)}",
            outcome=chance.choices(("served", "stopped", "help", "failed", "client_gone"), (930, 30, 5, 15, 20))[0],
            verdict_input=chance.choices(("allow", "annotate", "redact", "block"), (950, 30, 15, 5))[0],
            verdict_output=chance.choices(("allow", "redact", "stop"), (950, 20, 30))[0],
            care_level=chance.choices(range(6), (970, 15, 8, 4, 2, 1))[0],
            unscreened=int(chance.random() < 0.0005),
            unattributed=int(chance.random() < 0.1),
            input_sealed=text,
            output_sealed=text,
        )
        signals = []
        if row["verdict_input"] != "allow" or row["verdict_output"] != "allow":
            category = chance.choices(CATEGORIES, (50, 30, 10, 9, 1))[0]
            signals.append(signal_row(row["id"], category=category, rule=f"{category}.r{chance.randrange(5)}"))
        yield row, signals
