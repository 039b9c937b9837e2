"""Driver errors become the product's errors; callers never see sqlite3 or psycopg classes."""

from __future__ import annotations

import sqlite3
from functools import cache

from sqlalchemy.exc import DBAPIError

from zhengming.core.errors import ConflictError, UnavailableError, ZhengmingError


class StoreUnavailableError(UnavailableError):
    """The database cannot be reached or did not confirm; nothing was acknowledged."""

    code = "store_unavailable"


class BusyError(UnavailableError):
    """More writes wait than the store takes on; try again."""

    code = "store_busy"


class RowConflictError(ConflictError):
    """A row breaks a rule of its table: a key that exists already, a reference to nothing, a missing value."""

    code = "row_conflict"


@cache
def driver_errors() -> tuple[type[Exception], ...]:
    """Return the base error classes of the drivers in use; psycopg is imported only where it is needed."""
    import psycopg  # noqa: PLC0415 - 60 ms that a SQLite installation need not pay at start

    return (sqlite3.Error, psycopg.Error, DBAPIError)


def is_driver_error(error: BaseException) -> bool:
    """Whether the error comes from a database driver."""
    return isinstance(error, sqlite3.Error) or type(error).__module__.startswith(("psycopg", "sqlalchemy"))


def unavailable(error: BaseException) -> StoreUnavailableError:
    """Return the error that says the database did not answer or confirm."""
    if isinstance(error, StoreUnavailableError):
        return error
    found = StoreUnavailableError(
        f"The database did not confirm the write: {error}.",
        next_step="Nothing was acknowledged; check the database server or the disk, then try again.",
    )
    found.__cause__ = error
    return found


def translated(error: Exception) -> Exception:
    """Return the product's error for a driver error; every other error comes back as it is."""
    if isinstance(error, ZhengmingError) or not is_driver_error(error):
        return error
    names = {cls.__name__ for cls in type(error).__mro__}
    if "IntegrityError" in names:
        conflict = RowConflictError(
            f"The write breaks a rule of its table: {error}.", next_step="Nothing of this unit was stored."
        )
        conflict.__cause__ = error
        return conflict
    if names & {"OperationalError", "InterfaceError", "InternalError"}:
        return unavailable(error)
    return error
