"""Two months of turns for the console's benchmark: rows, signals and a whole ledger, the same in both databases.

Made once on SQLite through the store and the ledger, then copied to PostgreSQL. Texts are noise of a fitting length,
but for one turn in a thousand, whose texts are sealed so that its page can be opened whole.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from zhengming.accounts import keys, service
from zhengming.accounts.profiles import ServiceProfile
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType
from zhengming.gateway import models
from zhengming.ledger import Ledger, append, load_signer
from zhengming.ledger.master import load_master
from zhengming.ledger.vault import Vault
from zhengming.store import Store, Tx

DAYS: Final = 60
BATCH: Final = 2_000
SERVICES: Final = ("default", "companion", "homework")
OPENABLE: Final = 1_000
_OUTCOMES: Final = ("served", "stopped", "notice", "help", "failed", "refused", "client_gone")
_WEIGHTS: Final = (962, 10, 9, 4, 4, 3, 8)
_CATEGORIES: Final = ("privacy", "fraud", "prompt_attack", "gambling_illicit", "self_harm", "sexual", "weapons_drugs")
_TABLES: Final = (
    "service",
    "api_key",
    "person_key",
    "turn",
    "turn_signal",
    "ledger_entry",
    "ledger_node",
    "ledger_head",
    "shared_version",
)
_TURN: Final = [column.name for column in models.turn.columns]
_INSERT: Final = f"INSERT INTO turn ({', '.join(_TURN)}) VALUES ({', '.join(':' + name for name in _TURN)})"
_SIGNAL: Final = [column.name for column in models.turn_signal.columns]
_INSERT_SIGNAL: Final = (
    f"INSERT INTO turn_signal ({', '.join(_SIGNAL)}) VALUES ({', '.join(':' + name for name in _SIGNAL)})"
)


@dataclass
class Maker:
    """Draws turns; the same seed and count give the same turns, spread over the `DAYS` before `until` (ms)."""

    count: int
    until: int
    vault: Vault
    services: list[str]
    keys: list[str]
    rng: random.Random = field(default_factory=lambda: random.Random(45438))

    def batches(self) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        """Yield the rows of turns and of signals, in the order of time."""
        step = DAYS * 86_400_000 / self.count
        for first in range(0, self.count, BATCH):
            turns = [self._turn(number, step) for number in range(first, min(first + BATCH, self.count))]
            yield turns, [signal for turn in turns for signal in self._signals(turn)]

    def _turn(self, number: int, step: float) -> dict[str, Any]:
        rng = self.rng
        at = int(self.until - (self.count - number) * step)
        outcome = rng.choices(_OUTCOMES, _WEIGHTS)[0]
        person = int(rng.paretovariate(1.1)) % 40_000
        verdict = {"stopped": "stop", "notice": "block", "help": "replace"}.get(outcome, "allow")
        redacted = rng.random() < 0.02
        return {
            "id": new_uuid(milliseconds=at, randomness=rng.randbytes(10)),
            "state": "closed",
            "outcome": outcome,
            "person_id": f"person-{person:05d}",
            "conversation_id": f"conversation-{person:05d}-{number // 400_000}",
            "upstream": "rehearsal" if outcome in {"served", "stopped", "client_gone"} else "",
            "verdict_input": "block" if outcome == "notice" else "redact" if redacted else "allow",
            "verdict_output": verdict if outcome == "stopped" else "redact" if redacted else "allow",
            "care_level": rng.choice((3, 4)) if outcome == "help" else int(rng.random() < 0.01),
            "opened_at": at,
            "closed_at": at + rng.randrange(200, 20_000),
            **self._asked(),
            **self._measured(),
        }

    def _asked(self) -> dict[str, Any]:
        rng = self.rng
        return {
            "service_id": rng.choices(self.services, (80, 15, 5))[0],
            "key_id": rng.choice(self.keys),
            "relation": rng.choice(("new", "continued", "continued", "branched")),
            "api": rng.choices(("chat", "responses", "completions"), (90, 8, 2))[0],
            "model": "zhengming-rehearsal",
            "streamed": int(rng.random() < 0.8),
            "audience": rng.choices(("adult", "teen", "child", "elder"), (85, 8, 4, 3))[0],
            "unattributed": int(rng.random() < 0.1),
            "unscreened": int(rng.random() < 0.0005),
            "unjudged": 0,
            "rules_version": "1.0.0",
            "policy_version": "1.0.0",
            "instance": "bench",
        }

    def _measured(self) -> dict[str, Any]:
        rng = self.rng
        return {
            "first_byte_ms": int(rng.lognormvariate(5.5, 0.6)),
            "held_max": min(64, int(rng.expovariate(0.8))),
            "tokens_in": rng.randrange(10, 3_000),
            "tokens_out": rng.randrange(10, 900),
            "input_sealed": rng.randbytes(420),
            "output_sealed": rng.randbytes(520),
            "said_sealed": None,
            "added_ms": rng.lognormvariate(1.2, 0.7),
            "opened_entry": None,
            "closed_entry": None,
        }

    def _signals(self, turn: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for surface, verdict, place in (
            ("input", turn["verdict_input"], "messages/0/content"),
            ("output", turn["verdict_output"], "0/content"),
        ):
            if verdict == "allow" and self.rng.random() > 0.01:
                continue
            category = self.rng.choices(_CATEGORIES, (50, 15, 12, 10, 6, 5, 2))[0]
            yield {
                "turn_id": turn["id"],
                "position": 0 if surface == "input" else 10_000,
                "surface": surface,
                "place": place,
                "category": category,
                "severity": self.rng.randrange(1, 5),
                "rule": f"bench.{category}.{self.rng.randrange(40)}",
                "rule_version": "1.0.0",
                "span_start": 3,
                "span_end": 9,
                "score": 1.0,
                "verdict": "annotate" if verdict == "allow" else verdict,
            }


def make(url: str, folder: Path, count: int, until: int) -> None:
    """Fill an empty SQLite store with `count` turns and their ledger."""
    with Store.open(url, durability="normal") as store:
        Ledger.attach(store, load_signer(folder))
        vault = Vault(load_master(folder))
        services = [_service(store, name, until) for name in SERVICES]
        named = [store.write_sync(partial(_key, service_id=one, now=until)) for one in services for _ in range(20)]
        maker = Maker(count, until, vault, services, named)
        began, done = time.monotonic(), 0
        for turns, signals in maker.batches():
            store.write_sync(partial(_write, vault=vault, turns=turns, signals=signals))
            done += len(turns)
            if done % 200_000 == 0:
                print(f"  {done:,} turns, {time.monotonic() - began:.0f} s", flush=True)


def _service(store: Store, name: str, now: int) -> str:
    profile = ServiceProfile(id="", name=name)
    return store.write_sync(lambda tx: service.create(tx, profile, who="bench", why="benchmark", now=now)).id


def _key(tx: Tx, *, service_id: str, now: int) -> str:
    return keys.create(tx, service_id, who="bench", now=now, secret=keys.new_secret()).key.id


def _write(tx: Tx, *, vault: Vault, turns: list[dict[str, Any]], signals: list[dict[str, Any]]) -> None:
    for number, turn in enumerate(turns):
        if number % OPENABLE == 0:
            _seal(tx, vault, turn)
        common = {key: turn[key] for key in ("service_id", "key_id", "person_id", "conversation_id", "api", "model")}
        digest = sha256(turn["input_sealed"]).hexdigest()
        opened = {**common, "turn": turn["id"], "input_sha256": digest, "verdict_input": turn["verdict_input"]}
        turn["opened_entry"] = append(tx, EventType.TURN_OPENED, opened, at=turn["opened_at"])
        closed = {
            "turn": turn["id"],
            "ending": turn["outcome"],
            "verdict_output": turn["verdict_output"],
            "shown": turn.pop("shown", None) or sha256(turn["output_sealed"]).hexdigest(),
            "output_sha256": sha256(turn["output_sealed"]).hexdigest(),
        }
        turn["closed_entry"] = append(tx, EventType.TURN_CLOSED, closed, at=turn["closed_at"])
    tx.run_many(_INSERT, turns)
    if signals:
        tx.run_many(_INSERT_SIGNAL, signals)


def _seal(tx: Tx, vault: Vault, turn: dict[str, Any]) -> None:
    said = {"new": [{"role": "user", "text": "春天有什么花？", "path": "messages/0/content"}], "model": turn["model"]}
    plain = json.dumps(said, ensure_ascii=False).encode()
    shown = bytes(32) + "\x1e0/content\x1f桃花、樱花和杏花。（内容由AI生成，仅供参考）".encode()
    turn["input_sealed"] = vault.seal(tx, turn["person_id"], plain, turn["id"])
    turn["output_sealed"] = vault.seal(tx, turn["person_id"], shown, turn["id"])
    turn["shown"] = sha256(shown).hexdigest()


def copy_to_postgres(path: Path, url: str) -> None:
    """Copy every table of the benchmark from the SQLite file into a migrated, empty PostgreSQL database."""
    import sqlite3  # noqa: PLC0415 - the one place where the file is read past the store

    address = url.replace("postgresql+psycopg://", "postgresql://")
    source = sqlite3.connect(path)
    try:
        with psycopg.connect(address) as target:
            for table in _TABLES:
                cursor = source.execute(f"SELECT * FROM {table}")
                names = [column[0] for column in cursor.description]
                target.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                    sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
                )
                with target.cursor().copy(statement) as copy:
                    for row in cursor:
                        copy.write_row(row)
        with psycopg.connect(address, autocommit=True) as target:
            target.execute("VACUUM ANALYZE")
    finally:
        source.close()
