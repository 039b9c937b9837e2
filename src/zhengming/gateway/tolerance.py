"""Detectors that may fail: where the operator chose to go on unscreened, a failing one finds nothing from there on.

It says so through `on_failure`, so that the turn is counted and its entry says `unscreened`. Without this wrapper, the
default, a failure ends the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from zhengming.core.words import Category
from zhengming.screen.guard import Screening
from zhengming.screen.guard.commands import Engine, Scan
from zhengming.screen.matcher import Match
from zhengming.screen.rules import RuleSet
from zhengming.screen.scorers import Scorer

OnFailure = Callable[[BaseException], None]


def tolerant(screening: Screening, on_failure: OnFailure) -> Screening:
    """Return a screening whose detectors stop looking when they fail, and call `on_failure` then."""
    return replace(
        screening,
        matcher=_Engine(screening.matcher, on_failure),
        scorers=tuple(_Scorer(scorer, on_failure) for scorer in screening.scorers),
    )


class _Engine:
    """A matcher that answers for another."""

    def __init__(self, inner: Engine, on_failure: OnFailure) -> None:
        self._inner, self._on_failure = inner, on_failure

    @property
    def rules(self) -> RuleSet:
        return self._inner.rules

    @property
    def version(self) -> str:
        return self._inner.version

    def acting(self, indices: frozenset[int]) -> Any:
        return self._inner.acting(indices)

    def stream(self, acting: Any) -> Scan:
        return _Scan(self._inner.stream(acting), self._on_failure)


class _Scan:
    """A stream of matches; after a failure nothing is live, so that nothing stays held."""

    def __init__(self, inner: Scan, on_failure: OnFailure) -> None:
        self._inner: Scan | None = inner
        self._on_failure = on_failure
        self._length = 0

    def feed(self, text: str) -> list[Match]:
        self._length += len(text)
        if self._inner is None:
            return []
        try:
            return self._inner.feed(text)
        except Exception as error:  # noqa: BLE001 - whatever a detector raises
            return self._failed(error)

    def finish(self) -> list[Match]:
        if self._inner is None:
            return []
        try:
            return self._inner.finish()
        except Exception as error:  # noqa: BLE001 - see above
            return self._failed(error)

    def live_from(self) -> int:
        return self._length if self._inner is None else self._inner.live_from()

    def _failed(self, error: Exception) -> list[Match]:
        self._inner = None
        self._on_failure(error)
        return []


class _Scorer:
    """A scorer that scores nothing once it has failed; its states carry whether it has."""

    def __init__(self, inner: Scorer, on_failure: OnFailure) -> None:
        self._inner, self._on_failure = inner, on_failure
        self._failed = False

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def version(self) -> str:
        return self._inner.version

    @property
    def category(self) -> Category:
        return self._inner.category

    @property
    def severity(self) -> int:
        return self._inner.severity

    @property
    def threshold(self) -> float:
        return self._inner.threshold

    def start(self) -> Any:
        return self._try(self._inner.start, None)

    def update(self, state: Any, folded: str) -> Any:
        return self._try(lambda: self._inner.update(state, folded), state)

    def score(self, state: Any) -> float:
        return float(self._try(lambda: self._inner.score(state), 0.0))

    def _try(self, act: Callable[[], Any], otherwise: Any) -> Any:
        if self._failed:
            return otherwise
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - whatever a detector raises
            self._failed = True
            self._on_failure(error)
            return otherwise
