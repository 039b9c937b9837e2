"""What the guard says: values that the shell carries out in order, and the shape that every guard of a field has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from zhengming.core.signals import Reason

if TYPE_CHECKING:
    from zhengming.screen.matcher import Matcher
    from zhengming.screen.policy import Profile
    from zhengming.screen.rules import Rule
    from zhengming.screen.scorers import Scorer


class Show(NamedTuple):
    """`text`, the original from code point `start` to `end`, may be shown."""

    text: str
    start: int
    end: int


class Mask(NamedTuple):
    """`text` is shown in place of the original from `start` to `end`; `rules` index the rule set, ascending."""

    text: str
    start: int
    end: int
    rules: tuple[int, ...]


class Note(NamedTuple):
    """A signal for the record, whether it changes what is shown or not."""

    reason: Reason


class Stop(NamedTuple):
    """Nothing of the original from `at` on is shown; the last command about text that a guard ever gives."""

    reason: Reason
    at: int


Command = Show | Mask | Note | Stop


@dataclass(frozen=True, slots=True)
class Screening:
    """Everything a guard needs, shared by all streams of one rule version and profile.

    `mask` names the text that stands for a redacted rule, in the language of the reader.
    """

    matcher: Matcher
    profile: Profile
    scorers: Sequence[Scorer]
    mask: Callable[[Rule], str]


class FieldGuard(Protocol):
    """Guards one text of an answer: one choice's content, reasoning, or the arguments of one tool call.

    Joining the texts of Show and Mask in order gives what may be shown; it is the same for every way of cutting the
    text into `feed` calls. After a Stop every call returns no command.
    """

    stopped: bool
    versions: list[str]

    @property
    def held(self) -> int:
        """How many code points were fed that are neither shown, masked nor dropped yet."""

    def feed(self, text: str) -> list[Command]:
        """Take the next piece, of any length; return what is decided by now."""

    def finish(self) -> list[Command]:
        """The text is complete: decide and release all that is held."""

    def reload(self, screening: Screening) -> list[Command]:
        """Judge what follows, and what is still held, under other rules. What was shown stays shown."""
