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
from psycopg import sql

from zhengming.store import Store, migrate

POSTGRES = os.environ.get("ZHENGMING_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432").rstrip("/")
SERVER = POSTGRES.replace("postgresql+psycopg://", "postgresql://")
REDIS = os.environ.get("ZHENGMING_TEST_REDIS", "redis://127.0.0.1:6379").rstrip("/")

_END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def _missing(what: str, error: Exception) -> NoReturn:
    message = f"no {what}: {error}"
    if os.environ.get("ZHENGMING_STRICT") == "1":
        pytest.fail(message)
    pytest.skip(message)


def _admin(statement: str) -> None:
    """Run a statement about databases on the PostgreSQL server."""
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3) as connection:
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
def own_postgres_url(_postgres_template: str) -> Iterator[str]:
    """A migrated PostgreSQL database for one test alone, which may do to it what it likes; half a second to make."""
    name = _new_database(_postgres_template)
    yield f"{POSTGRES}/{name}"
    _drop(name)


@pytest.fixture(scope="session")
def _shared_postgres(_postgres_template: str) -> Iterator[tuple[str, frozenset[str]]]:
    name = _new_database(_postgres_template)
    with psycopg.connect(f"{SERVER}/{name}") as connection:
        tables = frozenset(row[0] for row in connection.execute(_TABLES))
    yield name, tables
    _drop(name)


@pytest.fixture
def migrated_postgres_url(_shared_postgres: tuple[str, frozenset[str]]) -> str:
    """A migrated PostgreSQL database, emptied before each test."""
    name, tables = _shared_postgres
    with psycopg.connect(f"{SERVER}/{name}") as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET session_replication_role = replica")  # foreign keys do not dictate an order
        connection.execute(_END_OTHERS, [name])
        for (table,) in connection.execute(_TABLES).fetchall():
            if table not in tables:
                connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(table)))
            elif table != "alembic_version":
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    return f"{POSTGRES}/{name}"


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
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"))


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
