"""JSON: a top-level member `AIGC` of an object, spliced in. No guide names this slot.

The rest is not parsed into values and not written anew, so numbers, order and white space stay as they were.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files.base import MAX_SITES, Buffer, FileFault, Scan, Site, Splice, UnreadableFileError, faults_of
from zhengming.label.files.texts import Text, looks_like_text

MAX_TOKENS: Final = 20_000_000

_TOKEN: Final = re.compile(rb"\"(?:[^\"\\]++|\\.)*+\"|[\[\]{},:]|[^\s\[\]{},:\"]++|(?P<bad>\")", re.DOTALL)
_OPENED: Final = {b"}": ord("{"), b"]": ord("[")}
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")


class Member(NamedTuple):
    """A member of the top-level object: where its key begins and its value lies."""

    key: bytes
    start: int
    value: int
    end: int


class JsonObject:
    """A document that is one object: its members, and where its braces are.

    Raises UnreadableFileError for anything else. What stands inside the members is walked over, not judged.
    """

    def __init__(self, text: Text) -> None:
        self.text = text
        self.members: list[Member] = []
        self.open = self.close = -1
        self._walk(_tokens(text))
        if self.close < 0:
            raise _refused("is cut off in the middle of its object")

    def _walk(self, tokens: Iterator[tuple[bytes, int, int]]) -> None:
        nested = bytearray()
        member = Member(b"", -1, -1, -1)
        wanted = "{"
        for token, start, end in tokens:
            if wanted == "nothing":
                raise _refused("goes on after its object")
            if len(nested) <= 1:
                wanted, member = self._step(wanted, token, member._replace(end=end), start)
            if token in {b"{", b"["}:
                nested += token
            elif token in {b"}", b"]"} and nested.pop() != _OPENED[token]:
                raise self._damaged(start)
            if len(nested) == 1 and wanted == ",":
                member = member._replace(end=end)
                self.members[-1:] = [member]

    def _step(self, wanted: str, token: bytes, member: Member, start: int) -> tuple[str, Member]:
        """Take one token of the top level; return what must follow and the member that is being read."""
        if wanted == "{":
            if token != b"{":
                raise _refused("is no object, and only an object has a place for a label")
            self.open = start
            return "key or }", member
        if token == b"}" and wanted in {"key or }", ","}:
            self.close = start
            return "nothing", member
        if token[:1] == b'"' and wanted in {"key", "key or }"}:
            return ":", Member(token, start, -1, -1)
        if token == wanted.encode():
            return ("value" if wanted == ":" else "key"), member
        if wanted == "value" and token not in {b":", b",", b"}", b"]"}:
            self.members.append(member._replace(value=start))
            return ",", self.members[-1]
        raise self._damaged(start)

    def _damaged(self, at: int) -> UnreadableFileError:
        return _refused(f"is damaged near byte {self.text.at(at)}")

    def named(self, name: str) -> list[Member]:
        """Return the members of this name, however it is escaped."""
        return [one for one in self.members if len(one.key) <= 6 * len(name) + 2 and _string(one.key) == name]

    def raw(self, member: Member) -> bytes:
        """Return a member's value; a text is returned as its value."""
        raw = self.text.raw(member.value, member.end)
        return _string(raw).encode("utf-8", "surrogatepass") if raw[:1] == b'"' else raw

    def with_member(self, name: str, value: bytes) -> list[Splice]:
        """Return the splices that leave one member of this name, first in the object, with this value."""
        text = self.text
        gone = set(self.named(name))
        splices = []
        for number, one in enumerate(self.members):
            if one in gone:
                follows = number + 1 < len(self.members)
                end = self.members[number + 1].start if follows else one.end
                splices.append(Splice(text.at(one.start), text.at(end), b""))
        kept = [one for one in self.members if one not in gone]
        if kept and kept[-1] != self.members[-1]:
            # The comma before what went at the end goes with it.
            behind = self.members[self.members.index(kept[-1]) + 1].start
            splices.append(Splice(text.at(kept[-1].end), text.at(behind), b""))
        at = self.open + 1
        first = _SPACE.match(text.plain, at)
        lead = bytes(text.plain[at : first.end()]) if first and self.members and first.end() - at < 100 else b""  # noqa: PLR2004 - an indent
        place = text.at(at)
        member = lead + json.dumps(name).encode() + b":" + value + (b"," if kept else b"")
        return [Splice(place, place, text.encoded(member)), *splices]


def _tokens(text: Text) -> Iterator[tuple[bytes, int, int]]:
    for number, found in enumerate(_TOKEN.finditer(text.plain, text.start)):
        if found["bad"] or number > MAX_TOKENS:
            raise _refused("is cut off or too long" if found["bad"] else "has too many parts")
        yield found[0], found.start(), found.end()


def _string(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return ""


def _refused(problem: str) -> UnreadableFileError:
    return UnreadableFileError(f"The JSON {problem}.", next_step="Send a whole JSON object.")


class JsonFile:
    """JSON documents that are one object."""

    name = "json"
    media_types = ("application/json",)
    extensions: tuple[str, ...] = (".json",)
    slot = "json.member"
    guide = ""

    def recognises(self, head: bytes) -> bool:
        """Whether it is text that begins with a brace or bracket."""
        bare = head.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe").lstrip()
        return looks_like_text(head) and bare[:1] in {b"{", b"["}

    def scan(self, data: Buffer) -> Scan:
        """Find the members called AIGC of the top-level object."""
        try:
            whole = JsonObject(Text(data))
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        sites = tuple(
            Site(self.slot, whole.raw(one), whole.text.at(one.start), whole.text.at(one.end), official=False)
            for one in whole.named("AIGC")[:MAX_SITES]
        )
        return Scan(sites, faults_of(sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the member first into the object and take every other away."""
        value = fields.to_json()
        return JsonObject(Text(data)).with_member("AIGC", value)
