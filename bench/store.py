"""What a durable write costs: the store and the ledger against a bare sqlite3 loop that commits each write.

The same row goes the same way to disk in every lane (WAL, synchronous FULL); lanes run in turns, several rounds, and
the median of the rounds counts. Processor time is of this process: for PostgreSQL the server's own is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from bench.common import write_result

from zhengming.core.errors import UnavailableError
from zhengming.core.words import EventType
from zhengming.ledger import Ledger, Signer, append
from zhengming.ledger.verify import verify
from zhengming.store import Store, Tx

PAYLOAD = os.urandom(700)
FIELDS = {"sealed": os.urandom(500), "person": "p" * 32, "service": "default", "rules": "v1", "policy": "v1"}
INSERT = "INSERT INTO bench_write (id, body) VALUES (:id, :body)"
TABLE = "CREATE TABLE bench_write (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"
POSTGRES = os.environ.get("ZHENGMING_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432")

Lane = dict[str, float]


def quantiles(waits: list[float], cpu: float) -> Lane:
    """Return one lane's figures: microseconds of processor time a write, milliseconds of waiting."""
    cuts = statistics.quantiles(waits, n=100)
    return {
        "cpu_us_per_write": cpu / len(waits) * 1e6,
        "p50_ms": cuts[49] * 1e3,
        "p99_ms": cuts[98] * 1e3,
        "writes": len(waits),
    }


def floor(folder: Path, writes: int) -> Lane:
    """Write with the standard driver, one transaction a write: the least that one durable write can cost."""
    connection = sqlite3.connect(folder / "floor.sqlite3", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(TABLE)
    waits = []
    cpu = time.process_time()
    for number in range(writes):
        start = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(INSERT, {"id": number, "body": PAYLOAD})
        connection.execute("COMMIT")
        waits.append(time.perf_counter() - start)
    cpu = time.process_time() - cpu
    connection.close()
    return quantiles(waits, cpu)


def insert(number: int, tx: Tx) -> int:
    """Write the floor's row through the store."""
    return tx.run(INSERT, {"id": number, "body": PAYLOAD})


def entry(_number: int, tx: Tx) -> str:
    """Append a ledger entry of about the same size."""
    return append(tx, EventType.TURN_CLOSED, FIELDS)


def turn(number: int, tx: Tx) -> str:
    """Do what a turn does: a row and its evidence in one unit."""
    tx.run(INSERT, {"id": number, "body": PAYLOAD})
    return append(tx, EventType.TURN_CLOSED, FIELDS)


async def work(store: Store, unit: Callable[[int, Tx], Any], writes: int, tasks: int) -> Lane:
    """Let `tasks` tasks write in turn, each waiting for its commit."""
    waits: list[float] = []

    async def task(first: int) -> None:
        for number in range(first, writes, tasks):
            start = time.perf_counter()
            await store.write(partial(unit, number))
            waits.append(time.perf_counter() - start)

    cpu = time.process_time()
    await asyncio.gather(*(task(number) for number in range(tasks)))
    return quantiles(waits, time.process_time() - cpu)


def ours(url: str, unit: Callable[[int, Tx], Any], writes: int, tasks: int) -> Lane:
    """Measure one lane on a new database."""
    signer = Signer(bytes(32))
    with Store.open(url) as store:
        Ledger.attach(store, signer)
        store.write_sync(lambda tx: tx.run(TABLE.replace("BLOB", "BYTEA") if tx.dialect == "postgresql" else TABLE))
        lane = asyncio.run(work(store, unit, writes, tasks))
        report = verify(store, [signer.public])
        if not report.ok:
            raise SystemExit("\n".join(map(str, report.findings)))
    return lane


def verification(folder: Path, entries: int) -> Lane:
    """Measure how many entries a core verifies in a second."""
    signer = Signer(bytes(32))
    with Store.open(f"sqlite:///{folder / 'verify.sqlite3'}", durability="normal") as store:
        Ledger.attach(store, signer)
        for _ in range(entries // 1000):
            store.write_sync(lambda tx: [entry(number, tx) for number in range(1000)])
        cpu = time.process_time()
        report = verify(store, [signer.public])
        cpu = time.process_time() - cpu
        if not report.ok:
            raise SystemExit("\n".join(map(str, report.findings)))
    return {"entries": report.checked, "entries_per_second_per_core": report.checked / cpu}


def with_postgres(work_on: Callable[[str], Lane]) -> Lane:
    """Run a lane on a PostgreSQL database that is made for it and dropped."""
    server = POSTGRES.replace("postgresql+psycopg://", "postgresql://").rstrip("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=3) as admin:
        admin.execute("DROP DATABASE IF EXISTS zhengming_bench WITH (FORCE)")
        admin.execute("CREATE DATABASE zhengming_bench")
        try:
            return work_on(f"{POSTGRES.rstrip('/')}/zhengming_bench")
        finally:
            admin.execute("DROP DATABASE zhengming_bench WITH (FORCE)")


def one_round(writes: int) -> dict[str, Lane]:
    """Run every lane once."""
    lanes: dict[str, Lane] = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR", ".")) as name:
        folder = Path(name)
        lanes["floor"] = floor(folder, writes // 4)
        for label, unit in (("row", insert), ("entry", entry), ("turn", turn)):
            for tasks in (1, 16, 50):
                url = f"sqlite:///{folder / f'{label}-{tasks}.sqlite3'}"
                lanes[f"sqlite {label} x{tasks}"] = ours(url, unit, writes // 4 if tasks == 1 else writes, tasks)
        lanes["verify"] = verification(folder, writes * 5)
    try:
        for tasks in (1, 50):
            lanes[f"postgres turn x{tasks}"] = with_postgres(lambda url, n=tasks: ours(url, turn, writes // 4, n))  # type: ignore[misc]
    except (psycopg.OperationalError, UnavailableError) as error:
        print(f"no PostgreSQL, its lanes are left out: {error}")
    return lanes


def median(rounds: list[dict[str, Lane]]) -> dict[str, Lane]:
    """Return the median of each figure over the rounds."""
    return {
        lane: {key: round(statistics.median(one[lane][key] for one in rounds if lane in one), 3) for key in figures}
        for lane, figures in rounds[0].items()
    }


def main() -> None:
    """Print the lanes and write bench/results/store.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    lanes = median([one_round(options.writes) for _ in range(options.rounds)])
    base = lanes["floor"]
    for lane, figures in lanes.items():
        print(f"{lane:20}", "  ".join(f"{key} {value:,.2f}" for key, value in figures.items()))
    ratios = {
        f"{figure}_{lane.removeprefix('sqlite ').replace(' ', '_')}_vs_floor": lanes[lane][key] / base[key]
        for lane in ("sqlite row x50", "sqlite entry x50", "sqlite turn x50", "sqlite turn x1")
        for figure, key in (("cpu", "cpu_us_per_write"), ("p99", "p99_ms"))
    }
    print({name: round(value, 3) for name, value in ratios.items()})
    print(write_result("store", ratios, {"lanes": lanes, "options": vars(options)}))


if __name__ == "__main__":
    main()
