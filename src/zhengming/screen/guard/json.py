"""The guard of one JSON text, such as tool-call arguments: raw text in, raw text out, judged on decoded values.

Each string, keys too, is one text for the rules, and so is each number. What is not changed keeps its bytes; a masked
span of a string comes out as an escaped mask, a masked number as a string. A number and a literal name are held until
the character after them shows that they are one; from where a text is no JSON on, it is guarded as plain text.
"""

from __future__ import annotations

import re
from json import dumps
from typing import Final, NamedTuple

from zhengming.core.signals import Reason, Span
from zhengming.screen.guard.commands import Command, Mask, Note, Screening, Show, Stop
from zhengming.screen.guard.json_string import JsonString
from zhengming.screen.guard.json_structure import WHITESPACE, Structure
from zhengming.screen.guard.text import TextGuard

_SCALAR: Final = re.compile(r"[-+.0-9A-Za-z]+")
_VALID_SCALAR: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_SPACES: Final = re.compile(r"[ \t\n\r]*")
MAX_SCALAR: Final = 1_024  # longer numbers are guarded as plain text
MAX_SPACES: Final = 64  # a number is settled after so many spaces, whatever follows


class _Open(NamedTuple):
    """A string that is open: its decoder, its guard, and whether it is a key."""

    string: JsonString
    guard: TextGuard
    key: bool


class JsonGuard:
    """Guards one JSON text; Show and Mask carry raw JSON pieces, all offsets are raw. A :class:`FieldGuard`.

    The spans of reasons are raw too: they count code points of the JSON text as it was fed, escapes not read, quotation
    marks of strings left out. What they cut out is the text that a rule matched, spelled as the JSON spells it.
    Joined, the pieces are valid JSON whenever the input is; after a Stop everything open is closed, so that they are
    valid JSON too. Lenient inside strings (see :class:`JsonString`). Nesting deeper than 512 counts as no JSON.
    """

    __slots__ = (
        "_base",
        "_commands",
        "_open",
        "_out",
        "_place",
        "_plain",
        "_plain_start",
        "_raw",
        "_scalar",
        "_screening",
        "_shown",
        "_structure",
        "stopped",
        "versions",
    )

    def __init__(self, screening: Screening) -> None:
        self.stopped = False
        self.versions = [screening.matcher.version]
        self._screening = screening
        self._raw, self._base = "", 0  # the raw text from raw offset base on
        self._place = 0  # raw offset of the next character to read
        self._out = 0  # raw offset up to which commands were given
        self._shown = 0  # raw offset up to which the text may be shown
        self._commands: list[Command] = []
        self._structure = Structure()
        self._open: _Open | None = None  # the string that we are in
        self._scalar = -1  # where a number or literal name begins, -1 outside
        self._plain: TextGuard | None = None  # set once the text is no JSON
        self._plain_start = 0

    @property
    def held(self) -> int:
        """How many raw code points were fed that are neither shown, masked nor dropped yet."""
        return 0 if self.stopped else self._base + len(self._raw) - self._out

    def feed(self, text: str) -> list[Command]:
        """Take the next raw piece, cut anywhere; return what is decided by now."""
        if self.stopped or not text:
            return []
        self._raw += text
        self._read(last=False)
        return self._flush()

    def finish(self) -> list[Command]:
        """The text is complete, or its sender broke off: decide and release all that is held, as it came."""
        if self.stopped:
            return []
        self._read(last=True)
        self._finish_open()
        return self._flush()

    def reload(self, screening: Screening) -> list[Command]:
        """Judge what follows, and what is held of the string that is open, under other rules."""
        if self.stopped:
            return []
        self._screening = screening
        if screening.matcher.version not in self.versions:
            self.versions.append(screening.matcher.version)
        if self._open is not None:
            self._string_commands(self._open, self._open.guard.reload(screening))
        elif self._plain is not None:
            self._plain_commands(self._plain.reload(screening))
        return self._flush()

    def _finish_open(self) -> None:
        if self._scalar >= 0:
            self._end_scalar(settled=True)
        if self._open is not None:
            self._string_commands(self._open, self._open.guard.finish())
        elif self._plain is not None:
            if self._place < self._base + len(self._raw):  # a number that turned out to be none
                self._read(last=True)
            self._plain_commands(self._plain.finish())

    def _flush(self) -> list[Command]:
        """Show what may be shown, forget its raw text, and hand out the commands."""
        self._show()
        commands, self._commands = self._commands, []
        keep = min(self._out, self._place)
        self._raw = "" if self.stopped else self._raw[keep - self._base :]
        self._base = keep
        return commands

    def _show(self) -> None:
        if self._shown > self._out:
            text = self._raw[self._out - self._base : self._shown - self._base]
            self._commands.append(Show(text, self._out, self._shown))
            self._out = self._shown

    def _mask(self, text: str, start: int, end: int, rules: tuple[int, ...]) -> None:
        self._shown = max(self._shown, start)
        self._show()
        self._commands.append(Mask(text, start, end, rules))
        self._out = self._shown = end

    def _end(self, closing: str, reason: Reason, at: int) -> None:
        """Stop at raw offset `at`, with what makes the text so far valid JSON."""
        self._mask(closing, at, at, ()) if closing else self._show()
        self._commands.append(Stop(reason, at))
        self.stopped = True

    def _read(self, *, last: bool) -> None:
        end = self._base + len(self._raw)
        while self._place < end and not self.stopped:
            before = self._place
            if self._plain is not None:
                self._plain_commands(self._plain.feed(self._raw[before - self._base :]))
                self._place = end
            elif self._open is not None:
                self._read_string(self._open, last=last)
            elif self._scalar >= 0:
                self._read_scalar()
            else:
                self._read_structure(self._raw[before - self._base])
            if self._place == before and self._open is not None:
                return  # an escape that is not complete

    def _read_structure(self, character: str) -> None:
        structure = self._structure
        if character in WHITESPACE or (character in "{}[]:," and structure.punctuation(character)):
            self._place += 1
            self._shown = self._place
        elif character == '"' and (structure.may_be_value() or structure.may_be_key()):
            self._place += 1
            self._shown = self._place
            self._open = _Open(JsonString(self._place), TextGuard(self._screening), structure.may_be_key())
        elif structure.may_be_value() and _SCALAR.fullmatch(character):
            self._scalar = self._place
        else:
            self._begin_plain(self._place)

    def _read_string(self, opened: _Open, *, last: bool) -> None:
        base = self._base
        decoded = opened.string.read(self._raw, self._place - base, base, last=last)
        self._place = base + decoded.stop
        if decoded.text:
            self._string_commands(opened, opened.guard.feed(decoded.text))
        if not decoded.closed or self.stopped:
            return
        self._string_commands(opened, opened.guard.finish())
        if self.stopped:
            return
        self._place += 1
        self._shown = self._place
        self._close(opened)

    def _close(self, opened: _Open) -> None:
        self._open = None
        if opened.key:
            self._structure.key()
        else:
            self._structure.value()

    def _string_commands(self, opened: _Open, commands: list[Command]) -> None:
        """Carry out what the guard of the open string says, in raw offsets."""
        raw = opened.string.raw
        for command in commands:
            if isinstance(command, Show):
                self._shown = raw(command.end)
                continue
            if isinstance(command, Mask):
                self._mask(_escaped(command.text), raw(command.start), raw(command.end), command.rules)
                continue
            span = command.reason.signal.span
            reason = command.reason if span is None else _at(command.reason, Span(raw(span.start), raw(span.end)))
            if isinstance(command, Note):
                self._commands.append(Note(reason))
            else:
                self._close(opened)
                self._end('"' + self._structure.closing(), reason, raw(command.at))

    def _read_scalar(self) -> None:
        """Read on in a number or literal name, and the spaces behind it, until it is known to be one."""
        raw, start = self._raw, self._scalar - self._base
        stop = _end_of(_SCALAR, raw, start)
        spaces = _end_of(_SPACES, raw, stop)
        self._place = self._base + spaces
        if stop - start > MAX_SCALAR:
            self._begin_plain(self._scalar)
        elif spaces - stop > MAX_SPACES:
            self._place = self._base + stop + MAX_SPACES
            self._end_scalar(settled=True)
        elif spaces < len(raw):
            self._end_scalar(settled=self._structure.may_end(raw[spaces]))

    def _end_scalar(self, *, settled: bool) -> None:
        """Guard the number that is complete, or begin plain text where it began."""
        start = self._scalar
        text = self._raw[start - self._base : self._place - self._base]
        value = text.rstrip(" \t\n\r")
        if not settled or not _VALID_SCALAR.fullmatch(value):
            self._begin_plain(start)
            return
        self._scalar = -1
        if value[0] in "-0123456789":
            self._number(value, start)
        if not self.stopped:
            self._structure.value()
            self._shown = self._place

    def _number(self, value: str, start: int) -> None:
        guard = TextGuard(self._screening)
        pieces: list[str] = []
        rules: set[int] = set()
        for command in (*guard.feed(value), *guard.finish()):
            if isinstance(command, Note):
                self._commands.append(Note(_shifted(command.reason, start)))
            elif isinstance(command, Stop):
                self._structure.value()
                self._end("null" + self._structure.closing(), _shifted(command.reason, start), start)
                return
            else:
                pieces.append(command.text)
                if isinstance(command, Mask):
                    rules.update(command.rules)
        if rules:
            self._mask(f'"{_escaped("".join(pieces))}"', start, start + len(value), tuple(sorted(rules)))

    def _begin_plain(self, start: int) -> None:
        """From raw offset `start` on the text is no JSON."""
        self._scalar = -1
        self._plain, self._plain_start = TextGuard(self._screening), start
        self._place = start

    def _plain_commands(self, commands: list[Command]) -> None:
        offset = self._plain_start
        for command in commands:
            if isinstance(command, Show):
                self._shown = offset + command.end
            elif isinstance(command, Mask):
                self._mask(command.text, offset + command.start, offset + command.end, command.rules)
            elif isinstance(command, Note):
                self._commands.append(Note(_shifted(command.reason, offset)))
            else:
                self._end("", _shifted(command.reason, offset), offset + command.at)


def _end_of(pattern: re.Pattern[str], raw: str, start: int) -> int:
    found = pattern.match(raw, start)
    return start if found is None else found.end()


def _escaped(text: str) -> str:
    return dumps(text, ensure_ascii=False)[1:-1]


def _at(reason: Reason, span: Span) -> Reason:
    return Reason(reason.signal._replace(span=span), reason.verdict)


def _shifted(reason: Reason, offset: int) -> Reason:
    span = reason.signal.span
    return reason if span is None else _at(reason, Span(span.start + offset, span.end + offset))
