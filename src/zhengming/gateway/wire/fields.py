"""One guarded text of an answer: its guard, what of it was shown, and the log probabilities of its tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from zhengming.core.signals import Reason, Span
from zhengming.gateway.wire.base import Found
from zhengming.screen.guard import Command, FieldGuard, JsonGuard, LogprobQueue, Mask, Screening, Show, Stop, TextGuard

_HIGH_FIRST: Final = "\ud800"
_HIGH_LAST: Final = "\udbff"


class Token(NamedTuple):
    """An entry of `logprobs` with the token that it is about, and the token's bytes where the API gives them."""

    entry: Any
    text: str
    data: Sequence[int] | None


class Cleared:
    """A guard for a text that was judged as a whole and holds nothing: it shows all. A :class:`FieldGuard`."""

    __slots__ = ("_length", "held", "stopped", "versions")

    def __init__(self, version: str) -> None:
        self.held = 0
        self.stopped = False
        self.versions = [version]
        self._length = 0

    def feed(self, text: str) -> list[Command]:
        """Show the text."""
        start, self._length = self._length, self._length + len(text)
        return [Show(text, start, self._length)]

    def finish(self) -> list[Command]:
        """Nothing was held."""
        return []

    def reload(self, screening: Screening) -> list[Command]:
        """A text that came as a whole was judged by the rules of its time."""
        self.versions.append(screening.matcher.version)
        return []


class Field:
    """Feeds one text to its guard.

    `channel` names it in the record, such as `0/content`; `wrap` is what the API needs to send a piece of it alone;
    `said` are the pieces that the guard was given, `shown` those that may be shown, words of ours included, in order.
    `stop` is set once the guard ended the text.
    """

    __slots__ = (
        "_blank",
        "_carry",
        "_entries",
        "_found",
        "_masks",
        "_queue",
        "channel",
        "guard",
        "said",
        "shown",
        "stop",
        "wrap",
    )

    def __init__(
        self, channel: str, wrap: Any, guard: FieldGuard, found: list[Found], blank: Callable[[str], Any]
    ) -> None:
        self.channel = channel
        self.wrap = wrap
        self.guard = guard
        self.said: list[str] = []
        self.shown: list[str] = []
        self.stop: Reason | None = None
        self._found = found
        self._blank = blank
        self._carry = ""
        self._queue: LogprobQueue[Any] | None = None
        self._entries: list[Any] = []
        self._masks: list[tuple[int, int, int]] = []  # start and end in the upstream's text, length of the mask

    @property
    def is_plain(self) -> bool:
        """Whether a text may be fed to the guard directly: no half character waits, and no log probabilities."""
        return self._queue is None and not self._carry and self.stop is None

    def feed(self, text: str, tokens: Sequence[Token] = ()) -> str:
        """Return what may be shown now. `tokens` came with the text; `take_entries` gives those that may go out."""
        if tokens:
            if self._queue is None:
                self._queue = LogprobQueue(self._blank)
            for entry, token, data in tokens:
                self._queue.push(entry, token, data)
        text = self._carry + text
        self._carry = ""
        if _HIGH_FIRST <= text[-1:] <= _HIGH_LAST:
            # Some servers cut between the halves of one character; judged apart they would be no character.
            text, self._carry = text[:-1], text[-1]
        if text and not text.isascii():
            text = _paired(text)
        if not text:
            return ""
        self.said.append(text)
        return self.apply(self.guard.feed(text))

    def finish(self) -> str:
        """Return what the guard still held."""
        text = ""
        if self._carry:
            carry, self._carry = self._carry, ""
            self.said.append(carry)
            text = self.apply(self.guard.feed(carry))
        text += self.apply(self.guard.finish())
        if self._queue is not None and self.stop is None:
            self._entries += self._queue.finish()
        return text

    def reload(self, screening: Screening) -> str:
        """Return what the new rules release."""
        return self.apply(self.guard.reload(screening))

    def apply(self, commands: Sequence[Command]) -> str:
        """Carry out commands of the guard; return the text that they show."""
        text = ""
        for command in commands:
            kind = type(command)
            if kind is Show or kind is Mask:
                text += command.text  # type: ignore[union-attr]  # narrowed by type(), which is cheaper here
                if kind is Mask:
                    self._masks.append((command.start, command.end, len(command.text)))  # type: ignore[union-attr]
            else:
                reason: Reason = command.reason  # type: ignore[union-attr]  # Note or Stop
                if kind is Stop:
                    self.stop = reason
                found = Found(self.channel, reason)
                if kind is not Stop or found not in self._found:
                    self._found.append(found)
        if self._queue is not None:
            self._entries += self._queue.advance(commands)
        if text:
            self.shown.append(text)
        return text

    def take_entries(self) -> list[Any]:
        """Return the entries of `logprobs` that may go out now, once."""
        entries, self._entries = self._entries, []
        return entries

    def moved(self, offset: int) -> int:
        """Return where a code point of the upstream's text stands in what is shown; behind a mask that hides it."""
        shift = 0
        for start, end, length in self._masks:
            if end <= offset:
                shift += length - (end - start)
            elif start < offset:
                return start + shift + length
        return offset + shift

    def text(self) -> str:
        """Return all that was shown."""
        return "".join(self.shown)


class Aside:
    """Texts beside an answer that are judged each for itself, such as titles of citations, under one channel.

    `said` are those texts one behind the other; the spans of what is found count in them joined.
    """

    __slots__ = ("_found", "channel", "said")

    def __init__(self, channel: str, found: list[Found]) -> None:
        self.channel = channel
        self.said: list[str] = []
        self._found = found

    def judge(self, text: str, screening: Screening) -> tuple[str, Reason | None]:
        """Return what of a text may be shown, and the reason when a guard ended it."""
        offset = sum(map(len, self.said))
        self.said.append(text)
        guard = TextGuard(screening)
        shown = ""
        stop: Reason | None = None
        for command in (*guard.feed(text), *guard.finish()):
            if isinstance(command, Show | Mask):
                shown += command.text
                continue
            found = Found(self.channel, _moved(command.reason, offset))
            if found not in self._found:
                self._found.append(found)
            if isinstance(command, Stop):
                stop = command.reason
        return shown, stop


def _moved(reason: Reason, offset: int) -> Reason:
    span = reason.signal.span
    if span is None or not offset:
        return reason
    return reason._replace(signal=reason.signal._replace(span=Span(span.start + offset, span.end + offset)))


def joined(pieces: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Return the texts of channels from their pieces; channels that say nothing are left out."""
    texts = ((channel, "".join(said)) for channel, said in pieces)
    return {channel: text for channel, text in texts if text}


def _paired(text: str) -> str:
    """Return the text with surrogate pairs as the characters that they stand for."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def new_guard(screening: Screening, *, json: bool) -> FieldGuard:
    """Return the guard for a text, or for a text that is JSON."""
    return JsonGuard(screening) if json else TextGuard(screening)
