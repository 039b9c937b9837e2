"""Server-sent events, cut out of a byte stream however it was chunked; each keeps its original bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.gateway.wire.errors import UpstreamGarbageError

MAX_EVENT: Final = 16 * 1024 * 1024

# A lone \r counts as a line end only when it is known that no \n follows.
_END: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n|\Z))(?:\r\n|\n|\r(?!\n|\Z))")
_LINE: Final = re.compile(rb"\r\n|\n|\r")
_LOOK_BACK: Final = 3
_BOM: Final = b"\xef\xbb\xbf"
_QUIET: Final = frozenset((b"event", b"id", b"retry"))


class EventTooLargeError(UpstreamGarbageError):
    """One event of the upstream is over the bound; the stream cannot be judged any further."""

    code = "upstream_event_too_large"


class Event(NamedTuple):
    """One event: `raw` with its closing blank line, `data` joined as the standard says, None when it has none.

    `before` and `after` are the bytes around the data lines, for putting other data in their place.
    """

    raw: bytes
    data: bytes | None
    before: bytes
    after: bytes

    def with_data(self, data: bytes) -> bytes:
        """Return the event with other data; line breaks in it become lines of their own."""
        if b"\n" in data or b"\r" in data:
            data = b"\ndata: ".join(_LINE.split(data))
        return self.before + b"data: " + data + self.after


class EventSplitter:
    """Cuts a byte stream into events. The events are the same for every way of chunking.

    Raises EventTooLargeError when an event grows beyond `limit` bytes.
    """

    __slots__ = ("_begun", "_limit", "_rest")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bytes of each event that is complete now, its blank line included."""
        if not self._begun:
            # A byte order mark may open a stream; behind it, `data:` would not be recognised.
            data = bytes(self._rest) + data
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._rest[:] = data
                return []
            self._begun = True
            self._rest.clear()
            data = data.removeprefix(_BOM)
        if self._rest:
            return self._continue(data)
        return self._cut(data, 0)

    def data_of_one(self, data: bytes) -> int:
        """Return where the data begin of a read that is just one event of one `data: ` line, the common case.

        Such a line may follow an `event: ` line. Return 0 for any other read; only that must be fed.
        """
        start, lines = 6, 2  # the end of the line and the blank line
        if data[:6] != b"data: ":
            line = data.find(b"\ndata: ")
            if line < 0 or data[:7] != b"event: ":
                return 0
            start, lines = line + 7, 3
        if self._rest or data[-2:] != b"\n\n" or data.count(b"\n") != lines or b"\r" in data or len(data) > self._limit:
            return 0
        self._begun = True
        return start

    def finish(self) -> bytes:
        """Return what came after the last blank line; empty when the stream ended cleanly."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest

    def _continue(self, data: bytes) -> list[bytes]:
        rest = self._rest
        search_from = max(0, len(rest) - _LOOK_BACK)
        rest += data
        if _END.search(rest, search_from) is None:
            self._check(len(rest))
            return []
        joined = bytes(rest)
        rest.clear()
        return self._cut(joined, search_from)

    def _cut(self, data: bytes, search_from: int) -> list[bytes]:
        events = []
        start, at = 0, search_from
        while found := _END.search(data, at):
            at = found.end()
            self._check(at - start)
            events.append(data[start:at])
            start = at
        self._rest += data[start:]
        self._check(len(self._rest))
        return events

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise EventTooLargeError(f"an event of the upstream is larger than {self._limit} bytes")


def parse_event(raw: bytes) -> Event:
    """Return the parts of one event.

    Raises UpstreamGarbageError for a line that the standard ignores: it would pass unjudged to a client that reads it.
    """
    if raw[:6] == b"data: " and raw[-2:] == b"\n\n" and raw.count(b"\n") == 2 and b"\r" not in raw:  # noqa: PLR2004 - the blank line
        return Event(raw, raw[6:-2], b"", b"\n\n")
    values: list[bytes] = []
    others: list[bytes] = []
    end = b"\n"
    for line, ending in _lines(raw):
        name, _, value = line.partition(b":")
        if line == b"" or name == b"" or name in _QUIET:
            others.append(line + ending)
            end = ending or end
        elif name == b"data":
            values.append(value.removeprefix(b" "))
            end = ending or end
        else:
            raise UpstreamGarbageError("the upstream sent a line that is no server-sent event")
    if not values:
        return Event(raw, None, raw, b"")
    # The blank line goes behind the data; every other line keeps its order before it.
    before = b"".join(line for line in others if line.strip(b"\r\n"))
    return Event(raw, b"\n".join(values), before, end + end)


def _lines(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for found in _LINE.finditer(raw):
        yield raw[at : found.start()], found.group()
        at = found.end()
    if at < len(raw):
        yield raw[at:], b""
