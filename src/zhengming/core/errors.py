"""One base for every error that a person may read.

A message names the thing, the place and the next step; the HTTP layers only translate it.
"""

from __future__ import annotations


class ZhengmingError(Exception):
    """An error with a stable code, shown to people as it stands.

    `code` is a stable id for programs; `message` says what is wrong and where; `next_step` says what to do about it;
    `status` is the HTTP status that fits.
    """

    code = "error"
    status = 500

    def __init__(self, message: str, *, next_step: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".rstrip()


class InvalidInputError(ZhengmingError):
    """What was given cannot be used; nothing was changed."""

    code = "invalid_input"
    status = 400


class NotFoundError(ZhengmingError):
    """The thing named does not exist, or is not visible to the asker."""

    code = "not_found"
    status = 404


class ConflictError(ZhengmingError):
    """The thing exists already, or changes are frozen."""

    code = "conflict"
    status = 409


class UnavailableError(ZhengmingError):
    """Something needed is down; nothing was acknowledged."""

    code = "unavailable"
    status = 503
