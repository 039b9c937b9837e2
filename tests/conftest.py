"""Fixtures that every package shares: a store on each database, a Redis.

A server that is not there is skipped aloud; with `ZHENGMING_STRICT=1` (CI) its absence is a failure. The tables are
made once a session and copied for every test.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
import redis

from zhengming.store import Store, migrate

POSTGRES = os.environ.get("ZHENGMING_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432").rstrip("/")
REDIS = os.environ.get("ZHENGMING_TEST_REDIS", "redis://127.0.0.1:6379").rstrip("/")


def _missing(what: str, error: Exception) -> NoReturn:
    message = f"no {what}: {error}"
    if os.environ.get("ZHENGMING_STRICT") == "1":
        pytest.fail(message)
    pytest.skip(message)


def _admin(statement: str) -> None:
    """Run a statement about databases on the PostgreSQL server."""
    server = POSTGRES.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=3) as connection:
        connection.execute(statement.encode())


def _new_database(template: str) -> str:
    name = f"zhengming_{uuid.uuid4().hex}"
    _admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def _drop(name: str) -> None:
    _admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def _postgres_server() -> None:
    try:
        _admin("SELECT 1")
    except psycopg.OperationalError as error:
        _missing("PostgreSQL", error)


@pytest.fixture(scope="session")
def _postgres_template(_postgres_server: None) -> Iterator[str]:
    name = _new_database("template0")
    migrate.upgrade(f"{POSTGRES}/{name}")
    yield name
    _drop(name)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "zhengming.sqlite3"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(_postgres_server: None) -> Iterator[str]:
    """A new, empty PostgreSQL database, dropped afterwards."""
    name = _new_database("template0")
    yield f"{POSTGRES}/{name}"
    _drop(name)


@pytest.fixture
def _migrated_postgres_url(_postgres_template: str) -> Iterator[str]:
    name = _new_database(_postgres_template)
    yield f"{POSTGRES}/{name}"
    _drop(name)


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite file in a data folder of its own."""
    path = tmp_path / "data" / "zhengming.sqlite3"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copy2(_sqlite_template, path)
    path.chmod(0o600)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'zhengming.sqlite3'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database of each kind."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "_migrated_postgres_url"))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open, migrated store on each kind of database."""
    with Store.open(store_url, durability="normal") as opened:
        yield opened


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """An open, migrated store on SQLite, for tests where the kind of database does not matter."""
    with Store.open(sqlite_url, durability="normal") as opened:
        yield opened


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The URL of an empty Redis database, emptied again afterwards."""
    url = f"{REDIS}/{os.environ.get('ZHENGMING_TEST_REDIS_DB', '9')}"
    client = redis.Redis.from_url(url)
    try:
        client.ping()
    except redis.exceptions.ConnectionError as error:
        client.close()
        _missing("Redis", error)
    with client:
        client.flushdb()
        yield url
        client.flushdb()
