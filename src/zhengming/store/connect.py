"""Engines and connections: the settings that each database needs to keep what it acknowledges.

The driver runs in autocommit and the store says BEGIN itself: `BEGIN IMMEDIATE` for the writer, since a SQLite
transaction that reads and then writes fails under load in spite of `busy_timeout`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import QueuePool

from zhengming.core.errors import InvalidInputError

Durability = Literal["full", "normal"]

BUSY_SECONDS: Final = 5.0
"""How long a write waits for another process that holds the SQLite file."""

_STEP_BACK: Final = 0.01
_POSTGRES_OPTIONS: Final = (
    "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"
)
_POSTGRES_CONNECT: Final[dict[str, object]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "zhengming",
}


def parse(url: str) -> URL:
    """Return the parsed URL; raise InvalidInputError when it is no database that the store supports."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInputError(
            f"{url!r} is no database URL.", next_step="Write sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME."
        ) from error
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not parsed.database or parsed.database == ":memory:":
            raise InvalidInputError(
                "A SQLite database needs a file: evidence in memory proves nothing.", next_step="Write sqlite:///PATH."
            )
        return parsed
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise InvalidInputError(
        f"The database {parsed.drivername!r} is not supported.", next_step="Use sqlite or postgresql+psycopg."
    )


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite URL, None for another database."""
    return Path(str(url.database)) if url.drivername.startswith("sqlite") else None


def make_file(path: Path) -> None:
    """Create the SQLite file (mode 0600) and its folder (0700) when missing; `-wal` and `-shm` inherit the mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def make_engine(url: URL, *, durability: Durability = "full", readers: int = 4, read_only: bool = False) -> Engine:
    """Return an engine whose raw connections are in driver autocommit.

    A SQLite file must exist (:func:`make_file`): a store whose file was taken away must fail, not start an empty one.
    """
    path = sqlite_path(url)
    if path is not None:
        return _sqlite_engine(path, durability, readers, read_only=read_only)
    options = f"{_POSTGRES_OPTIONS} -c synchronous_commit={'on' if durability == 'full' else 'off'}"
    if read_only:
        options += " -c default_transaction_read_only=on"
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        use_native_hstore=False,
        pool_size=readers + 1,
        max_overflow=readers,
        connect_args=_POSTGRES_CONNECT | {"options": options},
    )
    event.listen(engine, "connect", _booleans_as_integers)
    return engine


def _booleans_as_integers(connection: Any, _record: Any) -> None:
    """Let `True` go into an INTEGER column, as SQLite does: booleans are 0 and 1 on both databases."""
    from psycopg.adapt import Dumper  # noqa: PLC0415 - not paid where PostgreSQL is not used

    class Flag(Dumper):
        oid = 23

        def dump(self, obj: bool) -> bytes:  # noqa: FBT001 - psycopg's signature
            return b"1" if obj else b"0"

    connection.adapters.register_dumper(bool, Flag)


def _sqlite_engine(path: Path, durability: Durability, readers: int, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        return _sqlite_connection(path, durability, read_only=read_only)

    engine = create_engine(
        "sqlite+pysqlite://", creator=connect, poolclass=QueuePool, pool_size=readers + 1, max_overflow=readers
    )

    @event.listens_for(engine, "connect")
    def _remember(_connection: Any, record: Any) -> None:
        record.info["file"] = file_identity(path)

    @event.listens_for(engine, "checkout")
    def _compare(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != file_identity(path):
            message = f"{path} is no longer the file that was opened"
            raise DisconnectionError(message)

    return engine


def _sqlite_connection(path: Path, durability: Durability, *, read_only: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    try:
        if not read_only:
            _write_ahead(connection)
        connection.execute(f"PRAGMA synchronous={durability.upper()}").close()
        connection.execute("PRAGMA foreign_keys=ON").close()
        connection.execute("PRAGMA secure_delete=ON").close()  # a destroyed key must not linger in a free page
        connection.execute("PRAGMA cache_size=-4000").close()
        connection.execute("PRAGMA journal_size_limit=67108864").close()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have the file written ahead, as it is from then on; waits for others as long as a write does.

    For a new file SQLite turns a read lock into an exclusive one here, and then it calls no busy handler, since two
    that do so would wait for one another: several processes that start at once must step back and try again.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        else:
            return
        time.sleep(_STEP_BACK)


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file, None when it is gone.

    SQLite goes on writing into a file that was deleted or replaced; what it acknowledges then is lost.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
