"""What the overview shows of its figures: cards, the table of categories, the course; with addresses of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from zhengming.core.words import VERDICT_ORDER, CareLevel, Category, Verdict
from zhengming.gateway.records import Ending
from zhengming.gateway.stats.reading import Figures, Overview
from zhengming.gateway.stats.stretches import Percentile
from zhengming.web.view import url


class Card(NamedTuple):
    """A figure: `name` is its text (`overview:card.<name>`); `before` is the same of the stretch before.

    `kind` is `warn` or `bad` where somebody should look. `share` is its part of all turns, None where it says nothing.
    """

    name: str
    number: int
    before: int
    href: str
    share: float | None = None
    kind: str = ""


class Measured(NamedTuple):
    """Percentiles of a measure, p50, p95 and p99; None when nothing was measured. `unit` is `ms` or `characters`."""

    name: str
    unit: str
    values: tuple[tuple[int, Percentile | None, Percentile | None], ...]


class Judged(NamedTuple):
    """A verdict, how many turns got it, and where they are."""

    verdict: Verdict
    number: int
    href: str


class CategoryRow(NamedTuple):
    """A category: turns with a signal of it, their share of all turns, and what was done with request and answer."""

    category: Category
    number: int
    share: float
    href: str
    requests: tuple[Judged, ...]
    answers: tuple[Judged, ...]


class Groups(NamedTuple):
    """The cards by what they tell, and what was measured."""

    answered: tuple[Card, ...]
    watched: tuple[Card, ...]
    measured: tuple[Measured, ...]
    unscreened: Card


Query = Mapping[str, object]


def rows_of(found: Overview) -> dict[str, object]:
    """The query of `/turns` that finds exactly the turns that were counted."""
    stretch = found.stretch
    until = stretch.end if found.as_of is None else min(found.as_of, stretch.end)
    return {"service": found.service_id, "from": stretch.start, "to": max(until, stretch.start)}


def groups_of(found: Overview) -> Groups:
    """Return every card, in the order of the page."""
    unscreened = _card(found, "unscreened", ("unscreened", ""), {"unscreened": 1}, "bad")
    return Groups(
        answered=(
            _card(found, "turns", ("turns", ""), {}),
            *(_card(found, name, ("outcome", ending), {"outcome": ending}, kind) for name, ending, kind in _ENDED),
        ),
        watched=(
            _card(found, "redacted_in", ("verdict_in", Verdict.REDACT), {"verdict_in": Verdict.REDACT}),
            _card(found, "redacted_out", ("verdict_out", Verdict.REDACT), {"verdict_out": Verdict.REDACT}),
            _danger(found),
            unscreened,
            _card(found, "unattributed", ("unattributed", ""), {"unattributed": 1}),
        ),
        measured=tuple(_measured(found, name, unit) for name, unit in _MEASURED),
        unscreened=unscreened,
    )


_ENDED: Final = (
    ("stopped", Ending.STOPPED, ""),
    ("notices", Ending.NOTICE, ""),
    ("help", Ending.HELP, ""),
    ("refused", Ending.REFUSED, ""),
    ("failed", Ending.FAILED, "warn"),
    ("left", Ending.CLIENT_GONE, ""),
)
_MEASURED: Final = (
    ("added", "ms"),
    ("held", "characters"),
    ("first_byte", "ms"),
)


def _card(found: Overview, name: str, of: tuple[str, str], filters: Query, kind: str = "") -> Card:
    return _made(found, name, (found.now.of(*of), found.before.of(*of)), filters, kind)


def _made(found: Overview, name: str, numbers: tuple[int, int], filters: Query, kind: str = "") -> Card:
    turns, number = found.now.of("turns"), numbers[0]
    share = number / turns if turns and filters else None
    return Card(name, *numbers, url("/turns", **rows_of(found), **filters), share, kind if number else "")


def _danger(found: Overview) -> Card:
    """Turns of conversations at the care level `danger` or above."""
    least = CareLevel.DANGER
    now, before = (_from_level(figures, least) for figures in (found.now, found.before))
    return _made(found, "danger", (now, before), {"care": int(least)}, "warn")


def _from_level(figures: Figures, least: CareLevel) -> int:
    return sum(number for level, number in figures.labels("care").items() if int(level) >= least)


def _measured(found: Overview, name: str, unit: str) -> Measured:
    return Measured(
        name,
        unit,
        tuple(
            (percent, found.now.percentile(name, percent / 100), found.before.percentile(name, percent / 100))
            for percent in (50, 95, 99)
        ),
    )


def categories_of(found: Overview) -> list[CategoryRow]:
    """Return the categories that were found, the most frequent first."""
    numbers = found.now.labels("category")
    turns = found.now.of("turns")
    known = [(number, Category(name)) for name, number in numbers.items() if name in _CATEGORIES]
    return [
        CategoryRow(
            category,
            number,
            number / turns if turns else 0.0,
            url("/turns", **rows_of(found), category=category),
            _judged(found, category, "category_in", "verdict_in"),
            _judged(found, category, "category_out", "verdict_out"),
        )
        for number, category in sorted(known, key=lambda one: (-one[0], one[1]))
    ]


_CATEGORIES: Final = frozenset(Category)


def _judged(found: Overview, category: Category, name: str, filter_name: str) -> tuple[Judged, ...]:
    """What was done with the requests, or answers, of a category's turns; those that passed are left out."""
    numbers = found.now.labels(name)
    return tuple(
        Judged(verdict, number, url("/turns", **rows_of(found), category=category, **{filter_name: verdict}))
        for verdict in reversed(VERDICT_ORDER)
        if verdict is not Verdict.ALLOW and (number := numbers.get(f"{category}/{verdict}", 0))
    )


_LINES: Final = (
    ("served", "ok", (Ending.SERVED, Ending.CLIENT_GONE, Ending.UNDERWAY)),
    ("acted", "warn", (Ending.STOPPED, Ending.NOTICE, Ending.HELP)),
    ("failed", "bad", (Ending.FAILED, Ending.REFUSED)),
)


def course_of(found: Overview) -> list[tuple[str, str, list[tuple[int, float]]]]:
    """Return the lines of the chart: name (`overview:course.<name>`), kind, points.

    The step under way is left out, since it would look like a fall, unless all turns are in it.
    """
    step, until = found.stretch.step, found.stretch.end if found.as_of is None else found.as_of
    points = [point for point in found.course if point.at + step <= until]
    if not any(point.turns for point in points):
        points = [point for point in found.course if point.at <= until]
    return [
        (name, kind, [(point.at, float(sum(point.outcomes.get(one, 0) for one in endings))) for point in points])
        for name, kind, endings in _LINES
    ]
