"""Which turns somebody wants to see, as it stands in an address, which is hostile until it has been read here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from zhengming.core.errors import InvalidInputError
from zhengming.core.ids import new_uuid
from zhengming.core.words import Audience, CareLevel, Category, Verdict, Word
from zhengming.gateway import records
from zhengming.gateway.records import Ending

STATES: Final = (records.OPEN, records.CLOSED, records.INTERRUPTED)
_LONGEST: Final = 200
_LAST_MOMENT: Final = 253_402_128_000_000  # 30 December 9999: the last day that a page can write in any time zone
_BEYOND: Final = "g"  # sorts after every hexadecimal digit under any collation
_YEAR: Final = re.compile(r"\d{4}-")


class FilterError(InvalidInputError):
    """A filter cannot be read; `field` is its name in the address, `value` what stood there, cut."""

    code = "bad_filter"

    def __init__(self, field: str, value: str, rule: str) -> None:
        self.field, self.value = field, value[:60]
        super().__init__(f"The filter `{field}` cannot be {self.value!r}.", next_step=f"It is {rule}.")


@dataclass(frozen=True, slots=True)
class TurnFilter:
    """What is asked of a turn; a member left alone asks nothing.

    `care` is the least level; `since` (inclusive) and `until` (exclusive) are ms UTC over the moment in the turn's id;
    `q` is the id of a turn, a conversation or a person. In an address `since` and `until` are `from` and `to`.
    """

    service: str = ""
    outcome: str = ""
    verdict_in: str = ""
    verdict_out: str = ""
    category: str = ""
    rule: str = ""
    care: int = 0
    unscreened: bool = False
    unattributed: bool = False
    key: str = ""
    person: str = ""
    conversation: str = ""
    model: str = ""
    api: str = ""
    audience: str = ""
    state: str = ""
    since: int | None = None
    until: int | None = None
    q: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str], *, timezone: str = "UTC") -> Self:
        """Read a filter from an address; names that are no filters are left to others.

        Times are ms UTC or ISO 8601, in `timezone` where they name no offset. Raises FilterError.
        """
        found: dict[str, Any] = {}
        for member in fields(cls):
            name = _NAMES.get(member.name, member.name)
            given = query.get(name, "").strip()
            if given:
                read = _READERS.get(member.name, _text)
                found[member.name] = read(name, given) if read is not _moment else _moment(name, given, timezone)
        return cls(**found)

    def to_query(self) -> dict[str, str]:
        """Return the address's query: only what is asked, in a fixed order; `from_query` reads the same filter."""
        found = {}
        for member in fields(self):
            value = getattr(self, member.name)
            if value is not None and value != member.default:
                found[_NAMES.get(member.name, member.name)] = str(int(value)) if isinstance(value, int) else str(value)
        return found

    def bounds(self) -> tuple[str, str]:
        """Return the ids between which the turns lie, the first inclusive, the second exclusive."""
        return "" if self.since is None else _edge(self.since), _BEYOND if self.until is None else _edge(self.until)


def moment_of(turn_id: str) -> int:
    """Return the moment in a turn's id, ms UTC; 0 when it is no such id."""
    try:
        return int(turn_id[:13].replace("-", ""), 16)
    except ValueError:
        return 0


def _edge(moment: int) -> str:
    return new_uuid(milliseconds=moment, randomness=bytes(10))


def _text(name: str, value: str) -> str:
    if len(value) > _LONGEST or not value.isprintable():
        raise FilterError(name, value, f"at most {_LONGEST} printable characters")
    return value


def _member(words: type[Word]) -> Callable[[str, str], str]:
    return _one_of(tuple(words))


def _one_of(allowed: tuple[str, ...]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in allowed:
            raise FilterError(name, value, f"one of {', '.join(allowed)}")
        return str(value)

    return read


def _level(name: str, value: str) -> int:
    if value not in {str(int(level)) for level in CareLevel}:
        raise FilterError(name, value, "a level from 0 to 5")
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value not in {"0", "1"}:
        raise FilterError(name, value, "0 or 1")
    return value == "1"


def _moment(name: str, value: str, timezone: str = "UTC") -> int:
    rule = "ms since 1970 or a time such as 2026-11-22T14:03"
    if value.isascii() and value.isdecimal() and len(value) <= len(str(_LAST_MOMENT)):
        moment = int(value)
    elif _YEAR.match(value) is None:
        raise FilterError(name, value, rule)
    else:
        try:
            read = datetime.fromisoformat(value)
            placed = read if read.tzinfo is not None else read.replace(tzinfo=ZoneInfo(timezone))
            moment = int(placed.astimezone(UTC).timestamp() * 1000)
        except (ValueError, OverflowError) as error:
            raise FilterError(name, value, rule) from error
    if not 0 <= moment <= _LAST_MOMENT:
        raise FilterError(name, value, rule)
    return moment


_NAMES: Final = {"since": "from", "until": "to"}
_READERS: Final[Mapping[str, Callable[..., Any]]] = {
    "outcome": _member(Ending),
    "verdict_in": _member(Verdict),
    "verdict_out": _member(Verdict),
    "category": _member(Category),
    "audience": _member(Audience),
    "state": _one_of(STATES),
    "care": _level,
    "unscreened": _flag,
    "unattributed": _flag,
    "since": _moment,
    "until": _moment,
}
