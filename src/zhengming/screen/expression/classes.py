"""Sets of characters as an expression writes them: `a`, `[0-9x]`, `[^,]`, `.`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

_TESTS: Final[dict[str, Callable[[str], bool]]] = {
    r"\d": str.isdecimal,
    r"\s": str.isspace,
    r"\w": lambda character: character.isalnum() or character == "_",
}
ANYTHING: Final = r"[\s\S]"
_LISTED: Final = 300


class CharClass(NamedTuple):
    """A set of characters: those named, or with `negated` all others; `categories` are escapes like that of digits."""

    negated: bool
    singles: frozenset[str] = frozenset()
    ranges: tuple[tuple[str, str], ...] = ()
    categories: frozenset[str] = frozenset()

    def contains(self, character: str) -> bool:
        """Whether the one character is in the set."""
        return self._named(character) != self.negated

    def _named(self, character: str) -> bool:
        if character in self.singles or any(low <= character <= high for low, high in self.ranges):
            return True
        return any(_TESTS[name.lower()](character) != name[1].isupper() for name in self.categories)

    def listed(self) -> frozenset[str] | None:
        """Return all members when they are few, None when they are not."""
        size = sum(ord(high) - ord(low) + 1 for low, high in self.ranges)
        if self.negated or size > _LISTED or self.categories - {r"\d"}:
            return None
        members = set(self.singles)
        for low, high in self.ranges:
            members.update(map(chr, range(ord(low), ord(high) + 1)))
        if self.categories:
            members.update("0123456789")  # all the digits that a folded text has
        return frozenset(members)

    def source(self) -> str:
        """Return what stands between the brackets of a character set, without a `^`."""
        parts = [re.escape(single) for single in sorted(self.singles)]
        parts += [f"{re.escape(low)}-{re.escape(high)}" for low, high in self.ranges]
        return "".join([*parts, *sorted(self.categories)])


def union_source(classes: Iterable[CharClass]) -> str:
    """Return a regular expression for one character that is in one of the sets; wider where that cannot be said."""
    distinct = set(classes)
    if any(one.negated for one in distinct):
        only = distinct.pop()
        source = only.source()
        return f"[^{source}]" if source and not distinct else ANYTHING
    return f"[{''.join(one.source() for one in distinct)}]"


def union_listed(classes: Iterable[CharClass]) -> frozenset[str] | None:
    """Return all characters in one of the sets when they are few, None when they are not."""
    members: set[str] = set()
    for one in classes:
        listed = one.listed()
        if listed is None:
            return None
        members |= listed
    return frozenset(members)
