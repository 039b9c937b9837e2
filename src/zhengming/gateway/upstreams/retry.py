"""When another attempt is made, and how long an upstream's Retry-After is honoured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

_MILLISECONDS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failures before the first byte are met.

    `statuses` are asked for elsewhere; those of `failing` count against the upstream's circuit as well (429 does not:
    the upstream works, this key is over its limit). At most `attempts` requests go out for one turn. `pause` seconds
    lie before the same upstream is asked again; an upstream that says Retry-After is asked last for that time, at
    most `longest_rest` seconds, and is waited for when it says at most `longest_wait`.
    """

    statuses: frozenset[int] = frozenset({429, 502, 503, 504})
    failing: frozenset[int] = frozenset({502, 503, 504})
    attempts: int = 3
    pause: float = 0.1
    longest_wait: float = 2.0
    longest_rest: float = 60.0


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Return the seconds that the upstream asks to wait for, None when it says nothing readable.

    `wall` is Unix time, for the form with a date; `retry-after-ms` is an extension of some APIs.
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _is_number(milliseconds):
        return float(milliseconds) / _MILLISECONDS
    value = headers.get("retry-after", "").strip()
    if _is_number(value):
        return float(value)
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - wall)


def _is_number(text: str) -> bool:
    return text.isascii() and len(text) <= 12 and text.replace(".", "", 1).isdigit()  # noqa: PLR2004 - 30,000 years
