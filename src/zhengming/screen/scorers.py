"""Scores for what no single phrase gives away: many weak signs, weighed together along a text.

A scorer owns no span. It is evaluated at positions that the text alone fixes (every :data:`EVERY` folded characters,
each sentence end, the end of the text), so that every way of cutting a stream gives the same scores; a score above the
threshold acts on what follows and never holds text back. The first scorer that ships is linear: groups of cues, a
weight for each group, a logistic score.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import yaml
from ahocorasick_rs import AhoCorasick, MatchKind

from zhengming.core.errors import InvalidInputError
from zhengming.core.signals import Signal
from zhengming.core.words import Category
from zhengming.screen.rule import MAX_SEVERITY
from zhengming.screen.safe_yaml import parse

EVERY: Final = 16
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_Number = TypeVar("_Number", int, float)

SENTENCE_ENDS: Final = frozenset("。.!?;")


class Scorer(Protocol):
    """Weighs a folded text as it grows.

    States are immutable values: `update` returns a new one, and feeding a text in pieces gives the same state as
    feeding it whole. `score` is between 0 and 1; from `threshold` on it is a signal of `category` and `severity`.
    """

    @property
    def id(self) -> str:
        """Stable id, beginning with `score.`."""

    @property
    def version(self) -> str:
        """Changes whenever a score can change."""

    @property
    def category(self) -> Category:
        """What a high score is a sign of."""

    @property
    def severity(self) -> int:
        """How grave a high score is, 1 to 4."""

    @property
    def threshold(self) -> float:
        """From this score on it is a signal."""

    def start(self) -> Any:
        """Return the state of an empty text."""

    def update(self, state: Any, folded: str) -> Any:
        """Return the state after more plain-folded text."""

    def score(self, state: Any) -> float:
        """Return the score of the text so far."""


class CueGroup(NamedTuple):
    """Phrases that say the same thing: however many stand in the window, the weight counts once."""

    name: str
    weight: float
    cues: tuple[str, ...]


class CueState(NamedTuple):
    """What a cue scorer remembers: the last characters, the length so far, and where each group was seen last."""

    tail: str
    length: int
    seen: tuple[tuple[int, int], ...]


class CueScorer:
    """A logistic score over the groups of cues seen in the last `window` folded characters.

    A cue that begins with a Latin letter or digit must begin a word; it may end inside one (`transfer` finds
    `transferred`).
    Memory is bounded by the longest cue and the number of groups, whatever the length of the text.
    """

    __slots__ = (
        "_automaton",
        "_bias",
        "_group_of",
        "_groups",
        "_keep",
        "_silent",
        "_window",
        "_word",
        "category",
        "id",
        "severity",
        "threshold",
        "version",
    )

    def __init__(
        self,
        id: str,  # noqa: A002 - the protocol's word
        category: Category,
        severity: int,
        groups: Sequence[CueGroup],
        *,
        bias: float,
        threshold: float,
        window: int,
        version: str,
    ) -> None:
        self.id, self.category, self.severity, self.version = id, category, severity, version
        self.threshold = threshold
        cues = [(cue, number) for number, group in enumerate(groups) for cue in group.cues]
        self._groups = tuple(groups)
        self._bias, self._window = bias, window
        self._group_of = tuple(number for _, number in cues)
        self._word = tuple(_is_latin(cue[0]) for cue, _ in cues)
        self._keep = max(len(cue) for cue, _ in cues)  # one more than a cue in the making, for the letter before it
        self._automaton = AhoCorasick([cue for cue, _ in cues], matchkind=MatchKind.Standard)
        self._silent = self.score(self.start()) < threshold  # and so it stays while no cue is seen

    @property
    def groups(self) -> tuple[CueGroup, ...]:
        """The groups, for the reference page."""
        return self._groups

    def start(self) -> CueState:
        """Return the state of an empty text."""
        return CueState("", 0, ())

    def is_quiet(self, folded: str) -> bool:
        """Whether a whole text holds none of the cues, so that its score never leaves that of an empty text."""
        return self._silent and not self._automaton.find_matches_as_indexes(_whole(folded))

    def update(self, state: CueState, folded: str) -> CueState:
        """Return the state after more plain-folded text."""
        old = len(state.tail)
        text = state.tail + folded
        offset = state.length - old
        found: dict[int, int] = {}
        for cue, start, end in self._automaton.find_matches_as_indexes(_whole(text), overlapping=True):
            if end > old and not (self._word[cue] and start and _is_latin(text[start - 1])):
                found[self._group_of[cue]] = max(offset + end, found.get(self._group_of[cue], 0))
        seen = tuple(sorted({**dict(state.seen), **found}.items())) if found else state.seen
        return CueState(text[-self._keep :], state.length + len(folded), seen)

    def score(self, state: CueState) -> float:
        """Return the score of the text so far."""
        oldest = state.length - self._window
        total = self._bias
        for group, end in state.seen:
            if end > oldest:
                total += self._groups[group].weight
        return 1.0 / (1.0 + math.exp(-total))


class ScorerTrack:
    """Leads scorers along one plain-folded text and says, once each, when one reaches its threshold.

    `feed` and `finish` return `(position, scorer index, score)`, the position in folded characters; they are the same
    for every way of cutting the text.
    """

    __slots__ = ("_fired", "_pending", "_scorers", "_states", "position")

    def __init__(self, scorers: Sequence[Scorer]) -> None:
        self._scorers = scorers
        self._states = [scorer.start() for scorer in scorers]
        self._fired: set[int] = set()
        self._pending: list[str] = []
        self.position = 0

    def feed(self, folded: str) -> list[tuple[int, int, float]]:
        """Take more folded text."""
        found: list[tuple[int, int, float]] = []
        begin = 0
        for place, character in enumerate(folded, 1):
            self.position += 1
            if self.position % EVERY == 0 or character in SENTENCE_ENDS:
                self._pending.append(folded[begin:place])
                begin = place
                self._evaluate(found)
        self._pending.append(folded[begin:])
        return found

    def finish(self) -> list[tuple[int, int, float]]:
        """Evaluate once more at the end of the text."""
        found: list[tuple[int, int, float]] = []
        self._evaluate(found)
        return found

    def _evaluate(self, found: list[tuple[int, int, float]]) -> None:
        text = "".join(self._pending)
        self._pending.clear()
        for index, scorer in enumerate(self._scorers):
            if index in self._fired:
                continue
            state = self._states[index] = scorer.update(self._states[index], text)
            score = scorer.score(state)
            if score >= scorer.threshold:
                self._fired.add(index)
                found.append((self.position, index, score))


def signal_of(scorer: Scorer, score: float) -> Signal:
    """Return the signal of a scorer that reached its threshold: it has no span."""
    return Signal(scorer.category, scorer.severity, scorer.id, scorer.version, None, round(score, 4))


def load_default_scorers() -> tuple[CueScorer, ...]:
    """Return the scorers that ship (`screen/cues/*.yaml`), in the order of their files' names."""
    folder = resources.files("zhengming.screen").joinpath("cues")
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    return tuple(parse_cue_scorer(entry.read_text("utf-8"), entry.name) for entry in files)


def parse_cue_scorer(text: str, place: str) -> CueScorer:
    """Return the scorer of a YAML text; `place` serves the error's text. The version is the short hash of the file."""
    try:
        content = parse(text)
        groups = tuple(
            CueGroup(str(group["name"]), float(group["weight"]), tuple(map(str, group["cues"])))
            for group in content["groups"]
        )
        scorer = CueScorer(
            _scorer_id(content["id"]),
            Category(content["category"]),
            _between(int(content["severity"]), 1, MAX_SEVERITY),
            groups,
            bias=float(content["bias"]),
            threshold=_between(float(content["threshold"]), 0.0, 1.0),
            window=int(content["window"]),
            version=hashlib.sha256(text.encode()).hexdigest()[:12],
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, IndexError) as error:
        raise InvalidInputError(
            f"{place} is no scorer: {error!r}",
            next_step="Write id (score...), category, severity, threshold, bias, window and groups of cues.",
        ) from error
    return scorer


def _scorer_id(value: object) -> str:
    text = str(value)
    if not text.startswith("score."):
        raise ValueError(f"id {text!r} does not begin with score.")
    return text


def _between(value: _Number, low: _Number, high: _Number) -> _Number:
    if not low <= value <= high:
        raise ValueError(f"{value} does not lie between {low} and {high}")
    return value


def _whole(text: str) -> str:
    """Return the text with lone surrogates, which the automaton refuses, replaced; no cue holds the replacement."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
