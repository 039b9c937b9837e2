"""Which headers cross the gateway, in either direction: named ones only, and only clean values.

A client's key is ours and never goes upstream; an upstream's cookies, locations and connection headers never go down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from zhengming.core.errors import InvalidInputError
from zhengming.gateway.upstreams.config import NEVER_FORWARDED

FORWARDED: Final = frozenset(
    {
        b"accept",
        b"accept-language",
        b"idempotency-key",
        b"openai-beta",
        b"openai-organization",
        b"openai-project",
        b"traceparent",
        b"tracestate",
        b"x-client-request-id",
        b"x-request-id",
    }
)
RETURNED: Final = frozenset(
    {
        "content-type",
        "openai-organization",
        "openai-processing-ms",
        "openai-version",
        "retry-after",
        "retry-after-ms",
        "x-request-id",
        "x-should-retry",
    }
)
_RETURNED_PREFIX: Final = "x-ratelimit-"
_LONGEST: Final = 4096
_VALUE = re.compile(rb"[\x20-\x7e\t\x80-\xff]*")
_RETURNED_VALUE = re.compile(r"[\x20-\x7e\t]*")


def forwarded(headers: Iterable[tuple[bytes, bytes]], further: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return the request headers that go upstream, names in lower case; of a repeated header the last one.

    `headers` are ASGI pairs. Raises InvalidInputError for a value that could end a header line or is over 4 KiB.
    """
    chosen: dict[str, str] = {}
    for raw_name, value in headers:
        name = raw_name.lower()
        if name not in FORWARDED:
            text = name.decode("latin-1")
            if text not in further or text in NEVER_FORWARDED:
                continue
        if len(value) > _LONGEST or not _VALUE.fullmatch(value):
            raise InvalidInputError(
                f"The header {name.decode('latin-1')} holds characters that no header may hold, or is too long.",
                next_step="Send printable characters, at most 4,096 of them.",
            )
        chosen[name.decode("ascii")] = value.decode("latin-1")
    return chosen


def returned(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return the response headers that may go to a client, as ASGI pairs; unclean values are left out."""
    return [
        (name.encode("ascii"), value.encode("ascii"))
        for name, value in headers.items()
        if (name in RETURNED or (name.startswith(_RETURNED_PREFIX) and name.isascii()))
        and len(value) <= _LONGEST
        and _RETURNED_VALUE.fullmatch(value)
    ]
