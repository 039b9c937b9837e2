"""A bounded dictionary that forgets what was used longest ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Lru(Generic[Key, Value]):
    """At most `size` entries; a size of 0 keeps nothing. Not for several threads."""

    __slots__ = ("_entries", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """Return the entry and count it as used, None when it is not here."""
        entries = self._entries
        value = entries.pop(key, None)
        if value is not None:
            entries[key] = value
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep an entry, in place of an older one of the same key."""
        entries = self._entries
        entries.pop(key, None)
        entries[key] = value
        if len(entries) > self._size:
            del entries[next(iter(entries))]

    def drop(self, key: Key) -> None:
        """Forget an entry if it is here."""
        self._entries.pop(key, None)

    def drop_where(self, test: Callable[[Value], bool]) -> None:
        """Forget every entry that the test accepts: O(size), for rare events such as an erasure."""
        self._entries = {key: value for key, value in self._entries.items() if not test(value)}
