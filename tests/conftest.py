"""Fixtures that every package shares: a store on each database, a Redis.

A server that is not there is skipped aloud; with `ZHENGMING_STRICT=1` (CI) its absence is a failure.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from zhengming.store import Store

POSTGRES = os.environ.get("ZHENGMING_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432")
REDIS = os.environ.get("ZHENGMING_TEST_REDIS", "redis://127.0.0.1:6379")


def _missing(what: str, error: Exception) -> None:
    message = f"no {what}: {error}"
    if os.environ.get("ZHENGMING_STRICT") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh, empty PostgreSQL database, dropped afterwards."""
    server = POSTGRES.replace("postgresql+psycopg://", "postgresql://").rstrip("/")
    name = f"zhengming_{uuid.uuid4().hex}"
    try:
        admin = psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        _missing("PostgreSQL", error)
        raise
    with admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            yield f"{POSTGRES.rstrip('/')}/{name}"
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'zhengming.sqlite3'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open, migrated store on each kind of database."""
    with Store.open(store_url, durability="normal") as opened:
        yield opened


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An open, migrated store on SQLite, for tests where the kind of database does not matter."""
    with Store.open(f"sqlite:///{tmp_path / 'data' / 'zhengming.sqlite3'}", durability="normal") as opened:
        yield opened


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The URL of an empty Redis database, emptied again afterwards."""
    url = f"{REDIS.rstrip('/')}/{os.environ.get('ZHENGMING_TEST_REDIS_DB', '9')}"
    client = redis.Redis.from_url(url)
    try:
        client.ping()
    except redis.exceptions.ConnectionError as error:
        client.close()
        _missing("Redis", error)
        raise
    with client:
        client.flushdb()
        yield url
        client.flushdb()
