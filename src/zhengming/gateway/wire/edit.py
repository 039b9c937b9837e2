"""The edits of one JSON body or chunk, made on its bytes: a quick way for the usual ones, the scanner for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zhengming.gateway.wire.splice import Path, Splice, dump

_COLON: Final = b":"
_SPACED: Final = b": "


class Edit:
    """Collects edits of `data`, whose parsed form is `parsed`; `render` gives the bytes.

    `texts` replaces strings, `values` any value, `members` appends to the top level (or replaces a namesake).
    """

    __slots__ = ("_data", "_members", "_parsed", "_texts", "_values")

    def __init__(self, data: bytes, parsed: Mapping[str, Any]) -> None:
        self._data = data
        self._parsed = parsed
        self._texts: list[tuple[Path, str, str]] = []
        self._values: list[tuple[Path, bytes]] = []
        self._members: dict[str, bytes] = {}

    @property
    def changed(self) -> bool:
        """Whether there is any edit."""
        return bool(self._texts or self._values or self._members)

    def text(self, path: Path, old: str, new: str) -> None:
        """Put string `new` in place of the string `old` at `path`; nothing to do when they are equal."""
        if old != new:
            self._texts.append((path, old, new))

    def value(self, path: Path, value: bytes) -> None:
        """Put a JSON value in place of the one at `path`; its last key may be new."""
        self._values.append((path, value))

    def member(self, key: str, value: bytes) -> None:
        """Give the top level a member."""
        self._members[key] = value

    def render(self) -> bytes:
        """Return the edited bytes; the very object given when there is no edit."""
        if not self.changed:
            return self._data
        if not self._values:
            quick = self._quickly()
            if quick is not None:
                return quick
        splice = Splice(self._data)
        for path, _, new in self._texts:
            splice.replace(path, dump(new))
        for path, value in self._values:
            last = path[-1]
            if isinstance(last, str):
                splice.insert(path[:-1], last, value)
            else:
                splice.replace(path, value)
        for key, value in self._members.items():
            splice.insert((), key, value)
        return splice.render()

    def _quickly(self) -> bytes | None:
        data: bytes | None = self._data
        for path, old, new in self._texts:
            if data is not None:
                data = replace_text(data, str(path[-1]), old, new)
        if data is None:
            return None
        return append_members(data, self._parsed, self._members)


def replace_text(data: bytes, key: str, old: str, new: str) -> bytes | None:
    """Replace the string `old` of member `key` without scanning; None when it cannot be told where it stands.

    `data` is known to hold such a member. When its key stands there once in plain form, and no escape could hide
    another spelling of it, that one is the member.
    """
    quoted = b'"%b"' % key.encode()
    if b"\\u" in data or data.count(quoted) != 1:
        return None
    colon = data.find(quoted) + len(quoted)
    at = colon + (2 if data.startswith(_SPACED, colon) else 1)
    value = dump(old)
    if not data.startswith(_COLON, colon) or not data.startswith(value, at):
        return None
    return b"%b%b%b" % (data[:at], dump(new), data[at + len(value) :])


def append_members(data: bytes, parsed: Mapping[str, Any], members: Mapping[str, bytes]) -> bytes | None:
    """Append members to the top level without scanning; None when one is there already or the end is unusual."""
    if not members:
        return data
    if data[-1:] != b"}" or not parsed or any(key in parsed for key in members):
        return None
    return data[:-1] + b"".join(b"," + dump(key) + b":" + value for key, value in members.items()) + b"}"
