"""Times as people write and read them on the command line; milliseconds since 1970 (UTC) inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from zhengming.core.errors import InvalidInputError

_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_span(text: str) -> int:
    """Return the milliseconds of a span such as `30m`, `2h` or `7d`; InvalidInputError when it is none."""
    found = _SPAN.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise InvalidInputError(f"{text!r} is no span of time.", next_step="Write for example 30m, 2h or 7d.")
    return int(found[1]) * _MS[found[2]]


def parse_moment(text: str) -> int:
    """Return the time of an ISO 8601 text; one without a zone is UTC. InvalidInputError when it cannot be read."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInputError(
            f"{text!r} is no time.", next_step="Write ISO 8601, for example 2026-12-31T23:59:00+08:00."
        ) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def shown(moment: int | None, never: str = "-") -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return never if moment is None else datetime.fromtimestamp(moment / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
