"""What people send: forms of bounded size, and addresses to go to next that never leave the console."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

from starlette.requests import ClientDisconnect, Request

from zhengming.core.errors import InvalidInputError, ZhengmingError

LIMIT: Final = 64_000
LARGEST: Final = 200_000
"""Bytes of the largest forms, those with long texts: a Chinese character takes nine in a form."""
_FIELDS: Final = 1_000
_SECONDS: Final = 30.0
_KIND: Final = "application/x-www-form-urlencoded"
_LONGEST_PATH: Final = 2_000


class TooLargeError(ZhengmingError):
    """More was sent than is taken on."""

    code = "too_large"
    status = 413


class SlowBodyError(ZhengmingError):
    """The body did not arrive in time."""

    code = "slow_body"
    status = 408


class Form:
    """The fields of a form as text; a field may stand there several times. None of it has been checked."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def text(self, name: str, *, max: int = 1_000) -> str:  # noqa: A002 - reads as it is meant
        """Return a field without the blanks around it, empty when it is missing.

        Raises InvalidInputError when it has more than `max` characters, or control characters other than tabs and
        line ends.
        """
        found = self.exact(name, max=max).strip()
        if any(unicodedata.category(one) == "Cc" and one not in "\t\r\n" for one in found):
            raise InvalidInputError(f"The field {name} holds control characters.", next_step="Type it again.")
        return found

    def exact(self, name: str, *, max: int = 10_000) -> str:  # noqa: A002 - as above
        """Return a field as it was sent, such as a password; InvalidInputError above `max` characters."""
        found = self._fields.get(name, [""])[0]
        if len(found) > max:
            raise InvalidInputError(f"The field {name} is too long.", next_step=f"Give at most {max} characters.")
        return found

    def all(self, name: str) -> list[str]:
        """Return every value of a field, in order."""
        return list(self._fields.get(name, []))


async def read_body(request: Request, limit: int = LIMIT) -> bytes:
    """Return the body of a request. Raises TooLargeError above `limit` bytes, SlowBodyError after half a minute."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError as error:
        raise SlowBodyError("The body of the request did not arrive in time.", next_step="Send it again.") from error
    except ClientDisconnect as error:
        raise InvalidInputError("The body of the request did not arrive whole.", next_step="Send it again.") from error
    return bytes(body)


async def read_form(request: Request, limit: int = LIMIT) -> Form:
    """Return the form that a request carries; an empty one for an empty body.

    Files are not taken: anything but URL-encoded fields raises InvalidInputError, as do too many fields and bytes that
    are no UTF-8. Raises what :func:`read_body` raises.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, limit)
    if not body:
        return Form({})
    if kind != _KIND:
        raise InvalidInputError(f"A form of the kind {kind[:80]!r} is not taken.", next_step=f"Send {_KIND}.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_FIELDS
        )
    except ValueError as error:
        raise InvalidInputError("The form cannot be read.", next_step="Send URL-encoded UTF-8.") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise InvalidInputError("The form holds a NUL character.", next_step="Leave it out.")
        fields.setdefault(name, []).append(value)
    return Form(fields)


def safe_next(text: str) -> str:
    r"""Return `text` when it is an address of this console (a path, with or without a query), else `/`.

    Browsers read `//host`, `/\host` and `/<tab>/host` as another host, so a second slash, a backslash and control
    characters, encoded or not, are refused wherever they stand in the path.
    """
    path = text.partition("?")[0]
    plain = unquote(unquote(path))
    if (
        not text.startswith("/")
        or len(text) > _LONGEST_PATH
        or "//" in plain
        or "\\" in text
        or "\\" in plain
        or "#" in text
        or any(one.isspace() or unicodedata.category(one) in {"Cc", "Cf", "Cs"} for one in text + plain)
    ):
        return "/"
    return text


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"A request here may hold at most {limit:,} bytes.", next_step="Send less at once.")
