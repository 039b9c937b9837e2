"""The database goes away and comes back: each write fails cleanly meanwhile, and nothing acknowledged is lost."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from zhengming.store import Store, Tx, bump, connect, version
from zhengming.store.errors import StoreUnavailableError


def count(tx: Tx) -> int:
    return bump(tx, "x")


def until_stored(store: Store) -> int:
    """Write until the store has reconnected; its pause between attempts is at most two seconds."""
    deadline = time.monotonic() + 15
    while True:
        try:
            return store.write_sync(count)
        except StoreUnavailableError:
            if time.monotonic() > deadline:
                raise


def test_a_sqlite_file_that_was_taken_away_fails_and_comes_back(sqlite_url: str) -> None:
    with Store.open(sqlite_url) as store:
        assert store.write_sync(count) == 1
        store.scrub()
        path = Path(sqlite_url.removeprefix("sqlite:///"))
        away = path.with_suffix(".away")
        path.rename(away)
        with pytest.raises(StoreUnavailableError, match=r"taken away|unable to open"):
            store.write_sync(count)
        with pytest.raises(StoreUnavailableError):
            store.read_sync(lambda tx: version(tx, "x"))
        assert not path.exists()
        away.rename(path)
        assert until_stored(store) == 2
        assert store.read_sync(lambda tx: version(tx, "x")) == 2


def test_a_sqlite_file_that_was_replaced_is_noticed(sqlite_url: str, tmp_path: Path) -> None:
    with Store.open(sqlite_url) as store:
        assert [store.write_sync(count) for _ in range(3)] == [1, 2, 3]
        path = Path(sqlite_url.removeprefix("sqlite:///"))
        copy = tmp_path / "copy"
        with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        source.close()
        target.close()
        for old in path.parent.glob(path.name + "*"):
            old.unlink()
        copy.rename(path)
        assert store.read_sync(lambda tx: version(tx, "x")) == 3
        assert until_stored(store) == 4
    with Store.open(sqlite_url) as again:
        assert again.read_sync(lambda tx: version(tx, "x")) == 4


def test_a_locked_sqlite_file_fails_the_write_and_recovers(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.05)
    with Store.open(sqlite_url) as store:
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            store.write_sync(count)
        other.execute("ROLLBACK")
        other.close()
        assert store.write_sync(count) == 1


@pytest.fixture
def outage(request: pytest.FixtureRequest) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """A PostgreSQL database that can be made to refuse every connection."""
    url = str(request.getfixturevalue("own_postgres_url"))
    base, _, name = url.replace("+psycopg", "").rpartition("/")
    assert re.fullmatch(r"zhengming_[0-9a-f]+", name)
    with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:

        def down() -> None:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

        def up() -> None:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())

        yield url, down, up


@pytest.mark.postgres
def test_a_postgres_server_that_went_away_fails_and_comes_back(
    outage: tuple[str, Callable[[], None], Callable[[], None]],
) -> None:
    url, down, up = outage
    with Store.open(url) as store:
        assert store.write_sync(count) == 1
        assert store.read_sync(lambda tx: version(tx, "x")) == 1
        down()
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                store.write_sync(count)
        with pytest.raises(StoreUnavailableError):
            store.read_sync(lambda tx: version(tx, "x"))
        up()
        assert until_stored(store) == 2
        assert store.read_sync(lambda tx: version(tx, "x")) == 2


@pytest.mark.postgres
def test_a_restarted_postgres_server_costs_no_write(
    outage: tuple[str, Callable[[], None], Callable[[], None]],
) -> None:
    url, down, up = outage
    with Store.open(url) as store:
        store.write_sync(count)
        store.read_sync(lambda tx: version(tx, "x"))
        down()
        up()
        assert store.write_sync(count) == 2
        assert store.read_sync(lambda tx: version(tx, "x")) == 2


@pytest.mark.postgres
def test_a_connection_that_breaks_inside_a_unit_fails_the_unit_only(
    outage: tuple[str, Callable[[], None], Callable[[], None]],
) -> None:
    url, down, up = outage
    with Store.open(url) as store:

        def cut(tx: Tx) -> int:
            down()
            up()
            return bump(tx, "x")

        with pytest.raises(StoreUnavailableError):
            store.write_sync(cut)
        assert store.write_sync(count) == 1
