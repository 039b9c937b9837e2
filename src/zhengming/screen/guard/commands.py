"""What the guard says: values that the shell carries out in order, and the shape that every guard of a field has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from zhengming.core.errors import InvalidInputError
from zhengming.core.signals import Reason
from zhengming.screen.matcher import Match
from zhengming.screen.policy import Profile
from zhengming.screen.rules import Rule, RuleSet
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
    """Nothing of the original from `at` on is shown; the last command that a guard ever gives.

    `at` is where the span begins that must not be shown, or the end of a mask that covers that place.
    """

    reason: Reason
    at: int


Command = Show | Mask | Note | Stop


class Scan(Protocol):
    """An online matcher on one text (`screen.matcher.OnlineScan`); offsets are code points from where it began."""

    def feed(self, text: str, /) -> list[Match]:
        """Take the next piece; return the matches decided by now, by end, ties the longest, then the graver."""

    def finish(self) -> list[Match]:
        """The text ended: return what a right boundary was pending for."""

    def live_from(self) -> int:
        """Return the earliest offset from which a match that holds text back could still be completed."""


class Engine(Protocol):
    """What finds matches (`screen.matcher.Matcher`): immutable, shared by all streams."""

    @property
    def rules(self) -> RuleSet:
        """The rules, in the order in which matches name them."""

    @property
    def version(self) -> str:
        """The version of the rules."""

    def acting(self, indices: frozenset[int], /) -> Any:
        """Return what a stream needs to know about which rules hold text back."""

    def stream(self, acting: Any, /) -> Scan:
        """Begin a text."""


@dataclass(frozen=True, slots=True)
class Screening:
    """Everything a guard needs, shared by all streams of one rule version and profile.

    `mask` gives the text that stands for what a rule redacted, in the language of the reader. Raises InvalidInputError
    when the profile was compiled for another rule set.
    """

    matcher: Engine
    profile: Profile
    scorers: Sequence[Scorer]
    mask: Callable[[Rule], str]
    holding: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Settle once for all streams which rules hold text back."""
        if self.profile.rules_version != self.matcher.version:
            raise InvalidInputError(
                f"the profile belongs to rules {self.profile.rules_version}, the matcher to {self.matcher.version}",
                next_step="Compile the profile again after loading rules.",
            )
        object.__setattr__(self, "holding", self.matcher.acting(self.profile.acting))


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
