"""Migrations: Alembic inside the package, run by the program itself, safe when several processes start at once.

Alembic is imported only when there is something to do: a start on an up-to-date database pays one small query.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

from zhengming.store.connect import make_engine, make_file, parse, sqlite_path
from zhengming.store.errors import StoreUnavailableError, is_driver_error, unavailable

FOLDER: Final = Path(__file__).resolve().parent / "migrations"
_CHILD: Final = "import sys; from zhengming.store.migrate import upgrade; upgrade(sys.stdin.read())"
_LOCK: Final = 0x5A48_454E_474D  # any number that nobody else takes: "ZHENGM"


def newest() -> str:
    """Return the newest revision that this version of the program knows (file names begin with the revision)."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


def current(url: str) -> str | None:
    """Return the revision of the database, None for an empty or missing one."""
    parsed = parse(url)
    path = sqlite_path(parsed)
    if path is not None and not path.exists():
        return None
    engine = make_engine(parsed)
    try:
        return _current(engine)
    finally:
        engine.dispose()


def upgrade(url: str) -> str:
    """Bring the tables up to date and return the revision; a SQLite file is made when it is missing.

    Concurrent calls wait for one another; a failing migration leaves the database as it was. Raises
    StoreUnavailableError when there is no database or it is of a newer version than the program.
    """
    parsed = parse(url)
    path = sqlite_path(parsed)
    engine: Engine | None = None
    try:
        if path is not None:
            make_file(path)
        engine = make_engine(parsed)
        _refuse_newer(_current(engine))
        if _current(engine) != newest():
            _run(engine)
    except Exception as error:
        if isinstance(error, OSError) or is_driver_error(error):
            raise unavailable(error) from error
        raise
    finally:
        if engine is not None:
            engine.dispose()
    return newest()


def upgrade_apart(url: str) -> str:
    """Do what :func:`upgrade` does, with the work in a process of its own when there is any.

    For a process that then serves for weeks: Alembic and what it loads would stay in its memory (10 MB) for nothing.
    A child that fails says nothing: the upgrade is then tried here, and raises what is to be raised.
    """
    with suppress(Exception):
        if current(url) != newest():
            child = [sys.executable, "-P", "-c", _CHILD]
            subprocess.run(child, input=url, text=True, capture_output=True, check=False)  # noqa: S603 - our own code
    return upgrade(url)


def _current(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not engine_has_table(connection):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def engine_has_table(connection: Connection) -> bool:
    """Whether Alembic's own table is there."""
    return connection.dialect.has_table(connection, "alembic_version")


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision > newest():
        raise StoreUnavailableError(
            f"The database is at revision {revision}, this program knows {newest()} at most.",
            next_step="Start the newer version of the program, or restore a copy from before its upgrade.",
        )


def _run(engine: Engine) -> None:
    """Upgrade in one transaction that holds a lock, so that a second process finds the work done."""
    from alembic import command  # noqa: PLC0415 - 150 ms that only an upgrade pays
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
