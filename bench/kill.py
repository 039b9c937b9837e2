"""SIGKILL under load: what was acknowledged must be found, once, and the ledger must verify.

A victim is a process that writes from many tasks and says on a pipe which turn is durable. It is killed at a random
moment, again and again on one database; after every kill the ledger is verified and what was acknowledged is compared
with what is found. Another kind of victim (a whole gateway under clients, say) is one class with the three
methods of `Victim`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import psycopg
from bench.common import ROOT, write_result

from zhengming.core.words import EventType
from zhengming.ledger import Ledger, Signer, append, load_signer
from zhengming.ledger.verify import verify
from zhengming.store import Store, Tx
from zhengming.store.readers import Reader

TASKS = 32
POSTGRES = os.environ.get("ZHENGMING_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432").rstrip("/")


class Victim(Protocol):
    """A process that is killed, and what it promised."""

    def start(self, life: int) -> None:
        """Start the process for the given life and return when it has acknowledged something."""

    def kill(self) -> set[str]:
        """SIGKILL the process and return every turn that it acknowledged in this life."""
        ...

    def found(self) -> tuple[Counter[str], list[str]]:
        """Reopen the database: every stored turn with its number of copies, and what is wrong with the ledger."""
        ...


class StoreVictim:
    """The store and the ledger in a process of their own, under TASKS writing tasks."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self._signer: Signer = load_signer(folder)
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []
        self._first = threading.Event()
        self._drain = threading.Thread()
        with Store.open(url) as store:
            Ledger.attach(store, self._signer)
            store.write_sync(lambda tx: tx.run("CREATE TABLE IF NOT EXISTS bench_turn (turn TEXT PRIMARY KEY)"))

    def start(self, life: int) -> None:
        """Start the writer and wait for its first acknowledgement."""
        self._lines = []
        self._first.clear()
        command = [sys.executable, "-m", "bench.kill", "--write", self._url, str(self._folder), str(life)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._drain = threading.Thread(target=self._read, args=(self._process,))
        self._drain.start()
        if not self._first.wait(60):
            self._process.kill()
            raise SystemExit(f"life {life}: nothing was acknowledged in 60 s")

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):
                self._lines.append(line.strip())
                self._first.set()

    def kill(self) -> set[str]:
        """SIGKILL the writer; the pipe keeps what it said before."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise SystemExit(f"the writer ended by itself with {self._process.returncode}")
        self._process.kill()
        self._process.wait()
        self._drain.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return set(self._lines)

    def found(self) -> tuple[Counter[str], list[str]]:
        """Verify the ledger, and compare entries with the rows of the same units."""
        with Reader.open(self._url) as reader:
            report = verify(reader, [self._signer.public])
            turns: Counter[str] = Counter()
            for part in _payloads(reader, report.size):
                turns.update(json.loads(payload)["turn"] for payload in part)
            rows = {row[0] for row in reader.read_sync(lambda tx: tx.rows("SELECT turn FROM bench_turn"))}
        wrong = [str(finding) for finding in report.findings]
        if rows != set(turns):
            wrong.append(f"{len(rows ^ set(turns))} turns have a row without an entry or an entry without a row")
        return turns, wrong


def _payloads(reader: Reader, size: int) -> list[list[bytes]]:
    sql = "SELECT payload FROM ledger_entry WHERE seq >= :start AND seq < :end"
    parts = []
    for start in range(0, size, 10_000):
        values = {"start": start, "end": start + 10_000}
        parts.append([row[0] for row in reader.read_sync(partial(_rows, sql, values))])
    return parts


def _rows(sql: str, values: dict[str, int], tx: Tx) -> list[tuple[Any, ...]]:
    return tx.rows(sql, values)


def unit(turn: str, tx: Tx) -> None:
    """Write a row and its evidence."""
    tx.run("INSERT INTO bench_turn (turn) VALUES (:turn)", {"turn": turn})
    append(tx, EventType.TURN_CLOSED, {"turn": turn})


async def write(url: str, folder: Path, life: int) -> None:
    """Be the victim: write from many tasks for ever, one line on the pipe for each turn that is durable."""
    store = Store.open(url)
    Ledger.attach(store, load_signer(folder))

    async def task(number: int) -> None:
        count = 0
        while True:
            turn = f"{life}-{number}-{count}"
            await store.write(partial(unit, turn))
            os.write(1, f"{turn}\n".encode())
            count += 1

    await asyncio.gather(*(task(number) for number in range(TASKS)))


def run(victim: Victim, kills: int, chance: random.Random) -> dict[str, int]:
    """Kill the victim again and again; return the counts. Stops at the first loss, doubling or finding."""
    promised: set[str] = set()
    turns: Counter[str] = Counter()
    lost: set[str] = set()
    doubled: list[str] = []
    for life in range(kills):
        victim.start(life)
        time.sleep(chance.uniform(0, 0.4))
        promised |= victim.kill()
        turns, wrong = victim.found()
        lost = promised - turns.keys()
        doubled = [turn for turn, copies in turns.items() if copies > 1]
        if lost or doubled or wrong:
            raise SystemExit(f"kill {life}: lost {sorted(lost)[:5]}, doubled {doubled[:5]}, ledger: {wrong[:5]}")
        print(f"kill {life + 1}/{kills}: {len(promised)} acknowledged, {len(turns)} found", flush=True)
    return {
        "kills": kills,
        "acknowledged": len(promised),
        "found": len(turns),
        "lost": len(lost),
        "doubled": len(doubled),
        "stored_but_not_yet_acknowledged": len(turns.keys() - promised),
    }


def on_postgres(kills: int, chance: random.Random, folder: Path) -> dict[str, int] | None:
    """Run on a PostgreSQL database made for it, None when there is no server."""
    server = POSTGRES.replace("postgresql+psycopg://", "postgresql://")
    name = f"zhengming_kill_{os.getpid()}"
    try:
        admin = psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        print(f"no PostgreSQL, left out: {error}")
        return None
    with admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            return run(StoreVictim(f"{POSTGRES}/{name}", folder), kills, chance)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def main() -> None:
    """Kill, compare, print, write bench/results/kill.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--write", nargs=3, metavar=("URL", "FOLDER", "LIFE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        url, folder, life = options.write
        asyncio.run(write(url, Path(folder), int(life)))
        return
    chance = random.Random(options.seed)
    raw: dict[str, object] = {"seed": options.seed, "tasks": TASKS}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR", ".")) as name:
        folder = Path(name).absolute()
        raw["sqlite"] = run(StoreVictim(f"sqlite:///{folder / 'zhengming.sqlite3'}", folder), options.kills, chance)
        raw["postgres"] = on_postgres(options.kills, chance, folder)
    print(json.dumps(raw, indent=2))
    lanes = [lane for lane in (raw["sqlite"], raw["postgres"]) if isinstance(lane, dict)]
    acknowledged = sum(lane["acknowledged"] for lane in lanes)
    ratios = {key: sum(lane[key] for lane in lanes) / acknowledged for key in ("lost", "doubled")}
    print(write_result("kill", {f"{key}_per_acknowledged": value for key, value in ratios.items()}, raw))


if __name__ == "__main__":
    main()
