"""How long the pages of the console take over two million turns, on SQLite and on PostgreSQL.

    python -m bench.console [--turns 2000000] [--rounds 40] [--keep]

Each page is asked for many times, with other filters, cursors and turns each time, one request after another, from a
server in a process of its own. The floor of the same run is the page of an address that leads nowhere: a look-up of the
session, a template and the way there and back.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import random
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
import psycopg
from bench.common import ROOT, write_result
from bench.console_data import copy_to_postgres, make
from bench.processes import Server, free_port
from psycopg import sql

from zhengming.accounts import staff
from zhengming.core.words import Role
from zhengming.gateway.stats.counting import count_due
from zhengming.ledger import Ledger, load_signer
from zhengming.store import Store, Tx, migrate
from zhengming.web import sessions

POSTGRES: Final = os.environ.get("ZHENGMING_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432").rstrip("/")
DATABASE: Final = "zhengming_bench_console"
DATA: Final = ROOT / "bench" / ".data"
AIM_MS: Final = 300.0
AIM_BYTES: Final = 150_000
FIRST: Final = ("/", "/playground", "/turns", "/health")
_CATEGORIES: Final = ("privacy", "fraud", "prompt_attack", "self_harm", "weapons_drugs")
_OLDER: Final = re.compile(r'href="([^"]*)"[^>]*rel="next"')


class Known(NamedTuple):
    """What a page's address is made of."""

    turns: list[str]
    openable: list[str]
    conversations: list[str]
    persons: list[str]
    services: list[str]
    until: int


Address = Callable[[random.Random, Known], str]


def _days(rng: random.Random, known: Known, longest: int) -> str:
    end = known.until - rng.randrange(50) * 86_400_000
    return f"from={end - rng.randrange(1, longest) * 86_400_000}&to={end}"


PAGES: Final[dict[str, Address]] = {
    "floor": lambda rng, _known: f"/nowhere-{rng.random()}",
    "overview 24h": lambda _rng, _known: "/?range=24h",
    "overview 30d": lambda rng, known: f"/?range=30d&service={rng.choice([*known.services, ''])}",
    "turns": lambda _rng, _known: "/turns",
    "turns in a stretch": lambda rng, known: f"/turns?{_days(rng, known, 30)}",
    "turns by outcome": lambda rng, _known: f"/turns?outcome={rng.choice(('stopped', 'failed', 'help', 'notice'))}",
    "turns by category": lambda rng, known: f"/turns?category={rng.choice(_CATEGORIES)}&{_days(rng, known, 30)}",
    "turns by service": lambda rng, known: f"/turns?service={rng.choice(known.services)}",
    "turns of a person": lambda rng, known: f"/turns?person={rng.choice(known.persons)}",
    "turns by verdict": lambda rng, known: f"/turns?verdict_out=stop&service={rng.choice(known.services)}",
    "turns with care": lambda rng, known: f"/turns?care=3&{_days(rng, known, 30)}",
    "turns unscreened": lambda rng, known: f"/turns?unscreened=1&service={rng.choice(known.services)}",
    "turns without index": lambda rng, known: f"/turns?audience=elder&api=completions&{_days(rng, known, 30)}",
    "turns found nowhere": lambda _rng, _known: "/turns?model=no-such-model&audience=child",
    "turns, far back": lambda rng, known: f"/turns?to={known.until - rng.randrange(30, 59) * 86_400_000}",
    "one turn": lambda rng, known: f"/turns/{rng.choice(known.turns)}",
    "one conversation": lambda rng, known: f"/conversations/{rng.choice(known.conversations)}",
    "services": lambda _rng, _known: "/services",
    "one service": lambda rng, known: f"/services/{rng.choice(known.services)}",
    "keys": lambda _rng, _known: "/keys",
    "switches": lambda _rng, _known: "/switches",
    "upstreams": lambda _rng, _known: "/upstreams",
    "rules": lambda _rng, _known: "/rules",
    "ledger": lambda _rng, _known: "/ledger",
    "a ledger entry": lambda rng, _known: f"/ledger/{rng.randrange(4_000)}",
    "health": lambda _rng, _known: "/health",
    "playground": lambda _rng, _known: "/playground",
    "about": lambda _rng, _known: "/about",
}


def measure(url: str, folder: Path, database: str, rounds: int) -> dict[str, dict[str, float]]:
    """Serve the data and return each page's p50 and p95 in milliseconds and its size in bytes, gzipped."""
    known, secret = _prepare(url, folder)
    port = free_port()
    command = [sys.executable, "-m", "zhengming.app.cli", "serve", "--data", str(folder), "--port", str(port)]
    command = [str(Path(sys.executable).with_name("zhengming")), *command[3:]]
    server = Server(
        "zhengming",
        command + (["--database", database] if database else []),
        port,
        "/healthz",
        folder / "server.log",
        environment={"ZHENGMING_DURABILITY": "normal"},
    )
    server.start()
    found: dict[str, dict[str, float]] = {}
    try:
        cookies = {sessions.COOKIE: secret}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", cookies=cookies, timeout=120) as client:
            for name, address in PAGES.items():
                found[name] = _page(client, address, known, rounds, ok=404 if name == "floor" else 200)
            for place in FIRST:
                found[f"weight of {place}"] = {"p50_ms": 0.0, "p95_ms": 0.0, "bytes_first": first_weight(client, place)}
            found["turns, older by cursor"] = _walk(client, rounds)
            found["proof of a turn"] = _proofs(client, known, rounds)
    finally:
        server.stop()
    return found


def _page(client: httpx2.Client, address: Address, known: Known, rounds: int, *, ok: int) -> dict[str, float]:
    rng = random.Random(1)
    waits, largest = [], 0
    client.get(address(rng, known))  # templates compile once
    for _ in range(rounds):
        place = address(rng, known)
        began = time.perf_counter()
        answer = client.get(place)
        waits.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == ok, f"{place}: {answer.status_code}"
        largest = max(largest, len(gzip.compress(answer.content, 6)))
    return _figures(waits, largest)


def _walk(client: httpx2.Client, rounds: int) -> dict[str, float]:
    """Follow the link to older turns page by page."""
    place, waits = "/turns", []
    for _ in range(rounds):
        began = time.perf_counter()
        answer = client.get(place)
        waits.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, place
        older = _OLDER.search(answer.text)
        assert older is not None, "no link to older turns"
        place = older[1].replace("&amp;", "&")
    return _figures(waits, 0)


def _proofs(client: httpx2.Client, known: Known, rounds: int) -> dict[str, float]:
    rng, waits = random.Random(2), []
    for _ in range(rounds):
        place = f"/turns/{rng.choice(known.openable)}/verify"
        began = time.perf_counter()
        answer = client.post(place, follow_redirects=True)
        waits.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, f"{place}: {answer.status_code}"
        assert "✓" in answer.text, f"{place} shows no step that holds"
    return _figures(waits, 0)


def _figures(waits: list[float], size: int) -> dict[str, float]:
    cuts = statistics.quantiles(waits, n=20)
    return {"p50_ms": statistics.median(waits), "p95_ms": cuts[18], "bytes_gzip": size}


def _prepare(url: str, folder: Path) -> tuple[Known, str]:
    """Count the turns, make an account with a session, and draw what the addresses are made of."""
    with Store.open(url, durability="normal") as store:
        Ledger.attach(store, load_signer(folder))
        began = time.monotonic()
        asyncio.run(count_due(store, int(time.time() * 1000)))
        print(f"  counted in {time.monotonic() - began:.0f} s", flush=True)
        secret, now = sessions.new_secret(), int(time.time() * 1000)

        def unit(tx: Tx) -> None:
            members = staff.list_all(tx)
            member = members[0] if members else _owner(tx, now)
            sessions.start(tx, member.id, secret=secret, now=now)

        store.write_sync(unit)
        return store.read_sync(_known), secret


def _owner(tx: Tx, now: int) -> staff.StaffMember:
    return staff.create(tx, "bench", password="unusable", roles=[Role.OWNER], who="bench", now=now, language="en")  # noqa: S106 - it opens nothing


def _known(tx: Tx) -> Known:
    newest = tx.one("SELECT max(opened_at) FROM turn")
    sample = "SELECT {} FROM turn ORDER BY id LIMIT 20 OFFSET {}"
    total = (tx.one("SELECT count(*) FROM turn") or (0,))[0]
    spots = [total * part // 10 for part in range(10)]

    def some(column: str) -> list[str]:
        return [row[0] for spot in spots for row in tx.rows(sample.format(column, spot))]

    openable = tx.rows("SELECT DISTINCT person_id FROM person_key LIMIT 200")
    names = {row[0] for row in openable}
    opened = [row[0] for row in tx.rows("SELECT id, person_id FROM turn ORDER BY id LIMIT 200000") if row[1] in names]
    services = [row[0] for row in tx.rows("SELECT id FROM service")]
    until = newest[0] if newest else 0
    return Known(some("id"), opened[:200], some("conversation_id"), some("person_id"), services, until)


def first_weight(client: httpx2.Client, place: str) -> int:
    """Return the bytes that a page brings to an empty cache, bodies as sent, with everything that it loads."""
    total, text = _sent(client, place)
    for part in sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', text))):
        total += _sent(client, part.replace("&amp;", "&"))[0]
    return total


def _sent(client: httpx2.Client, place: str) -> tuple[int, str]:
    """Bytes over the wire, and the text where it is HTML, which a proxy would compress as `gzip` does."""
    with client.stream("GET", place, headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    packed = answer.headers.get("content-encoding") == "gzip"
    plain = gzip.decompress(raw) if packed else raw
    return len(raw), plain.decode("utf-8", "replace")


def _is_filled(turns: int) -> bool:
    """Whether an earlier run left the data in PostgreSQL."""
    try:
        with psycopg.connect(f"{POSTGRES}/{DATABASE}".replace("postgresql+psycopg://", "postgresql://")) as connection:
            row = connection.execute("SELECT count(*) FROM turn").fetchone()
    except psycopg.Error:
        return False
    return row is not None and row[0] == turns


def _new_database() -> None:
    address = POSTGRES.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        name = sql.Identifier(DATABASE)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))


def _drop_database() -> None:
    with psycopg.connect(
        POSTGRES.replace("postgresql+psycopg://", "postgresql://") + "/postgres", autocommit=True
    ) as c:
        c.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))


def report(name: str, found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Print two tables and return the ratios to the floor and to the aims."""
    timed = {page: figures for page, figures in found.items() if "bytes_first" not in figures}
    floor = timed["floor"]["p50_ms"]
    print(f"\n{name:28} {'p50 ms':>9} {'p95 ms':>9} {'x floor':>8} {'kB gzip':>8}")
    for page, figures in timed.items():
        mark = "" if figures["p95_ms"] < AIM_MS else f"  over {AIM_MS:.0f} ms"
        print(
            f"{page:28} {figures['p50_ms']:9.1f} {figures['p95_ms']:9.1f} {figures['p50_ms'] / floor:8.1f} "
            f"{figures['bytes_gzip'] / 1000:8.1f}{mark}"
        )
    weights = {page: figures["bytes_first"] for page, figures in found.items() if "bytes_first" in figures}
    for page, weight in weights.items():
        print(
            f"{page:28} {weight / 1000:9.1f} kB" + ("" if weight < AIM_BYTES else f"  over {AIM_BYTES / 1000:.0f} kB")
        )
    worst = max(figures["p95_ms"] for figures in timed.values())
    return {
        f"{name}_slowest_p95_to_floor": worst / floor,
        f"{name}_slowest_p95_to_aim": worst / AIM_MS,
        f"{name}_heaviest_first_page_to_aim": max(weights.values()) / AIM_BYTES,
    }


def main() -> int:
    """Make the data, measure both databases, write the result; 1 when a page is over the aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--keep", action="store_true", help="leave the data for another run, and take what is there")
    given = parser.parse_args()
    folder = DATA / f"console-{given.turns}"
    file = folder / "zhengming.sqlite3"
    url = f"sqlite:///{file}"
    if not (given.keep and file.exists()):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        print(f"making {given.turns:,} turns", flush=True)
        make(url, folder, given.turns, int(time.time() * 1000))
    raw: dict[str, Any] = {"turns": given.turns, "rounds": given.rounds}
    ratios: dict[str, float] = {}
    database = f"{POSTGRES}/{DATABASE}"
    if not (given.keep and _is_filled(given.turns)):
        print("PostgreSQL: copying", flush=True)
        _new_database()
        migrate.upgrade(database)
        copy_to_postgres(file, database)
    for name, address in (("sqlite", url), ("postgresql", database)):
        print(f"{name}: measuring", flush=True)
        raw[name] = measure(address, folder, "" if name == "sqlite" else address, given.rounds)
        ratios |= report(name, raw[name])
    if not given.keep:
        _drop_database()
        shutil.rmtree(folder)
    write_result("console", ratios, raw)
    return int(any(ratio > 1 for name, ratio in ratios.items() if name.endswith("to_aim")))


if __name__ == "__main__":
    sys.exit(main())
