"""Token log probabilities: held, cut and blanked with the text that they spell.

The queue compares bytes: an entry goes out only when its bytes stand in the text that was shown, so no token of a
masked or dropped text can leave, whatever an upstream sends. Entries are opaque here; the wire formats know their form.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from zhengming.screen.guard.commands import Command, Mask, Show, Stop

T = TypeVar("T")

BLANK_LOGPROB: Final = -9999.0
"""What the API itself uses for a token so unlikely that no figure is given."""


def blank_entry(seen: str) -> dict[str, object]:
    """Return the entry of a chat completion that stands for this text: no figures, no alternatives."""
    data = list(seen.encode("utf-8", "surrogatepass"))
    return {"token": seen, "logprob": BLANK_LOGPROB, "bytes": data, "top_logprobs": []}


_CONTINUES, _CONTINUATION = 0xC0, 0x80  # 10xxxxxx: a byte of UTF-8 that begins no character
_THREE, _FOUR = 0xE0, 0xF0  # the first bytes of characters of three and four bytes


class _Token(NamedTuple, Generic[T]):
    entry: T
    data: bytes


class _Shown:
    """Text that was shown, as bytes that tokens have yet to spell."""

    __slots__ = ("data", "place")

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8", "surrogatepass")
        self.place = 0


class _Hidden:
    """Masked code points that tokens have yet to spell, and the mask, None once it was counted as seen."""

    __slots__ = ("left", "text")

    def __init__(self, text: str, left: int) -> None:
        self.text: str | None = text
        self.left = left


class LogprobQueue(Generic[T]):
    """Keeps the `logprobs` entries of one text until the text that they spell is released.

    Entries come in text order, before or after the text; a token may cut a multi-byte character. An entry whose text is
    masked, if only in part, is left out and a blank one stands for what is seen in its place, the mask once: joined,
    the tokens that go out spell the text that is shown. An entry whose text a stop cuts is dropped. `blank` makes a
    blank entry from the text that it stands for; tokens that cut a character between them are released or blanked
    together. `lost` says that the tokens do not spell the text: all are dropped from there on.
    """

    __slots__ = ("_blank", "_covered", "_group", "_offset", "_part", "_text", "_tokens", "lost", "stopped")

    def __init__(self, blank: Callable[[str], T]) -> None:
        self.lost = False
        self.stopped = False
        self._blank = blank
        self._tokens: deque[_Token[T]] = deque()
        self._text: deque[_Shown | _Hidden] = deque()
        self._offset = 0  # bytes of the first token that are dealt with
        self._covered = False  # whether some bytes of the group or the first token are masked
        self._group: list[T] = []  # complete tokens that together do not end at the end of a character yet
        self._part = bytearray()  # what the reader sees in the place of the group and those bytes

    @property
    def held(self) -> int:
        """How many entries wait."""
        return len(self._tokens)

    def push(self, entry: T, token: str, data: Sequence[int] | None = None) -> None:
        """Take an entry with its token's text and, where the API gives them, its bytes."""
        if self.lost or self.stopped:
            return
        self._tokens.append(_Token(entry, bytes(data) if data else token.encode("utf-8", "surrogatepass")))

    def advance(self, commands: Sequence[Command] = ()) -> list[T]:
        """Take all commands of the text, in order; return the entries that may go out with them."""
        out: list[T] = []
        for command in commands:
            if isinstance(command, Show):
                self._text.append(_Shown(command.text))
            elif isinstance(command, Mask):
                self._text.append(_Hidden(command.text, command.end - command.start))
            elif isinstance(command, Stop):
                out += self.finish()
                self.stopped = True
        self._spell(out)
        return out

    def finish(self) -> list[T]:
        """The text is complete: return what is left of it, drop the entries that spell nothing of it."""
        out: list[T] = []
        self._spell(out)
        if self._covered and not _cut(self._part):
            self._end_group(out)
        self._tokens.clear()
        self._text.clear()
        return out

    def _spell(self, out: list[T]) -> None:
        """Lay tokens and text side by side as far as both are known."""
        tokens, text = self._tokens, self._text
        while text and not self.lost:
            first = text[0]
            if isinstance(first, _Hidden) and first.text is not None:
                self._part += first.text.encode("utf-8", "surrogatepass")
                first.text = None
                if first.left == 0:  # put in, not put in the place of something
                    text.popleft()
                    self._insert(out)
                    continue
            if not tokens:
                return
            data = tokens[0].data
            if not data:
                self._group.append(tokens.popleft().entry)
                continue
            used = self._hide(first, data) if isinstance(first, _Hidden) else self._show(first, data)
            if not used:
                text.popleft()
            if self._offset == len(data) and not self.lost:
                self._group.append(tokens.popleft().entry)
                self._offset = 0
                if not _cut(self._part):
                    self._end_group(out)

    def _show(self, shown: _Shown, data: bytes) -> int:
        """Spell shown text with the first token; return how many bytes of it that were."""
        piece = data[self._offset : self._offset + len(shown.data) - shown.place]
        if not shown.data.startswith(piece, shown.place):
            self.lost = True
            self._tokens.clear()
            self._text.clear()
            return 1
        shown.place += len(piece)
        self._offset += len(piece)
        self._part += piece
        return len(piece)

    def _hide(self, hidden: _Hidden, data: bytes) -> int:
        """Let the first token vanish behind the mask, up to the next character that is not masked."""
        start = place = self._offset
        while place < len(data):
            if data[place] & _CONTINUES != _CONTINUATION:
                if hidden.left == 0:
                    break
                hidden.left -= 1
            place += 1
        self._offset = place
        self._covered = self._covered or place > start
        return place - start

    def _insert(self, out: list[T]) -> None:
        if self._offset or self._group:
            self._covered = True
        else:
            self._end_group(out)

    def _end_group(self, out: list[T]) -> None:
        """Release the tokens that are complete as they came, or a blank one for what is seen in their place."""
        if self._group and not self._covered:
            out += self._group
        elif self._part:
            out.append(self._blank(self._part.decode("utf-8", "surrogatepass")))
        self._part.clear()
        self._group.clear()
        self._covered = False


def _cut(data: bytearray) -> bool:
    """Whether the bytes end within a character of UTF-8."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & _CONTINUES != _CONTINUATION:
            return byte >= _CONTINUES and back < (2 if byte < _THREE else 3 if byte < _FOUR else 4)
    return False
