"""Driver errors become the product's errors; callers never see sqlite3 or psycopg classes."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from zhengming.core.errors import ConflictError, UnavailableError, ZhengmingError

_UNREACHABLE: Final = frozenset(
    {"OperationalError", "InterfaceError", "InternalError", "TimeoutError", "InvalidRequestError"}
)


class StoreUnavailableError(UnavailableError):
    """The database cannot be reached or did not confirm; nothing was acknowledged."""

    code = "store_unavailable"


class BusyError(UnavailableError):
    """More writes wait than the store takes on; try again."""

    code = "store_busy"


class RowConflictError(ConflictError):
    """A row breaks a rule of its table: a key that exists already, a reference to nothing, a missing value."""

    code = "row_conflict"


def is_driver_error(error: BaseException) -> bool:
    """Whether the error comes from a database driver or from SQLAlchemy's pool.

    psycopg is known by name: importing it would cost a SQLite installation 60 ms at each start.
    """
    if isinstance(error, sqlite3.Error | SQLAlchemyError):
        return True
    return any(cls.__module__.partition(".")[0] == "psycopg" for cls in type(error).__mro__)


def disconnected(error: BaseException) -> bool:
    """Whether another connection may answer where this one did not."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_ERROR:
        return False  # a mistake in the SQL, which SQLite reports in the same class as a lost disk
    if type(error) is sqlite3.DatabaseError:
        return True  # the file is malformed, or no database at all
    return is_driver_error(error) and not _UNREACHABLE.isdisjoint(cls.__name__ for cls in type(error).__mro__)


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


def told_outside(error: ZhengmingError) -> ZhengmingError:
    """Return an error as anybody may read it: what a driver says can name hosts, users, files and rows.

    Errors that come from no driver are returned as they are; the whole of the others belongs in the log.
    """
    if error.__cause__ is None or not is_driver_error(error.__cause__):
        return error
    if isinstance(error, RowConflictError):
        return RowConflictError("The write breaks a rule of its table.", next_step=error.next_step)
    if isinstance(error, StoreUnavailableError):
        return StoreUnavailableError("The database did not answer or did not confirm.", next_step=error.next_step)
    return error


def translated(error: Exception) -> Exception:
    """Return the product's error for a driver error; every other error comes back as it is."""
    if isinstance(error, StopIteration):
        stopped = RuntimeError("a unit raised StopIteration, which no future can carry")
        stopped.__cause__ = error
        return stopped
    if isinstance(error, ZhengmingError) or not is_driver_error(error):
        return error
    if any(cls.__name__ == "IntegrityError" for cls in type(error).__mro__):
        conflict = RowConflictError(
            f"The write breaks a rule of its table: {error}.", next_step="Nothing of this unit was stored."
        )
        conflict.__cause__ = error
        return conflict
    return unavailable(error) if disconnected(error) else error
