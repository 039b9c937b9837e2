"""The rules and scorers in force as rows that can be filtered, and the policy as a table that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Final, NamedTuple

from zhengming.console.rules.notes import is_starter, note_of
from zhengming.core.i18n import LANGUAGES
from zhengming.core.words import Audience, Category, Surface, Verdict
from zhengming.gateway.rules import Ruling
from zhengming.screen.defaults import load_default_scorers
from zhengming.screen.policy import Policy
from zhengming.screen.rule import MAX_SEVERITY, Rule
from zhengming.screen.scorers import Scorer

KINDS: Final = ("literals", "expression", "scorer")
SOURCES: Final = ("starter", "own")
PAGE: Final = 50


class Row(NamedTuple):
    """A rule (`rule`) or scorer (`scorer`) in force; `kind` is one of KINDS, `source` one of SOURCES."""

    id: str
    version: str
    category: Category
    severity: int
    kind: str
    source: str
    rule: Rule | None
    scorer: Scorer | None

    def note(self, language: str) -> str:
        """What it is for, in a reader's language; empty where nobody has said."""
        return "" if self.rule is None else note_of(self.rule, language)

    def holds(self, text: str) -> bool:
        """Whether a text stands in its id, note, phrases or expression, whatever the case."""
        wanted = text.casefold()
        places = [self.id]
        if self.rule is not None:
            notes = [note_of(self.rule, language) for language in LANGUAGES]
            places += [*notes, self.rule.note, self.rule.expression, *self.rule.literals]
        return any(wanted in place.casefold() for place in places)


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """What a list of rules is narrowed to; empty values narrow nothing."""

    category: str = ""
    kind: str = ""
    source: str = ""
    q: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> RuleFilter:
        """Return the filter of a query; what is no choice is passed over."""
        category, kind, source = query.get("category", ""), query.get("kind", ""), query.get("source", "")
        return cls(
            category if category in set(Category) else "",
            kind if kind in KINDS else "",
            source if source in SOURCES else "",
            query.get("q", "").strip()[:200],
        )

    def to_query(self) -> dict[str, str]:
        """Return the values for an address."""
        return {"category": self.category, "kind": self.kind, "source": self.source, "q": self.q}

    def lets(self, row: Row) -> bool:
        """Whether a row passes."""
        return (
            self.category in {"", row.category}
            and self.kind in {"", row.kind}
            and self.source in {"", row.source}
            and (not self.q or row.holds(self.q))
        )


def rows_of(ruling: Ruling) -> list[Row]:
    """Return every rule and scorer in force, by category, the gravest first."""
    rows = [_of_rule(rule) for rule in ruling.matcher.rules.rules]
    rows += [
        Row(one.id, one.version, one.category, one.severity, "scorer", _scorer_source(one), None, one)
        for one in ruling.scorers
    ]
    order = list(Category)
    return sorted(rows, key=lambda row: (order.index(row.category), -row.severity, row.id))


class Cell(NamedTuple):
    """Severities from `low` to `high` and the verdict on them."""

    low: int
    high: int
    verdict: Verdict


def table_of(policy: Policy, surface: Surface) -> list[tuple[Category, list[tuple[Cell, ...]]]]:
    """Return for each category the cells of every audience, in the order of :class:`Audience`."""
    return [(category, [_cells(policy, category, surface, audience) for audience in Audience]) for category in Category]


def verdicts_of(ruling: Ruling, row: Row) -> list[tuple[Surface, list[Verdict]]]:
    """Return what is done about a rule on every surface where it is looked at, for every audience."""
    surfaces = [one for one in Surface if row.rule is None or one in row.rule.surfaces]
    policy = ruling.policy
    return [
        (
            surface,
            [policy.look_up(row.category, row.severity, row.id, surface, audience) for audience in Audience],
        )
        for surface in surfaces
    ]


def _of_rule(rule: Rule) -> Row:
    kind = "expression" if rule.expression else "literals"
    source = "starter" if is_starter(rule) else "own"
    return Row(rule.id, rule.version, rule.category, rule.severity, kind, source, rule, None)


def _scorer_source(scorer: Scorer) -> str:
    return "starter" if scorer.id in _starter_scorers() else "own"


@cache
def _starter_scorers() -> frozenset[str]:
    return frozenset(one.id for one in load_default_scorers())


def _cells(policy: Policy, category: Category, surface: Surface, audience: Audience) -> tuple[Cell, ...]:
    """Return the verdicts by severity, neighbours with the same verdict as one; rows for single rules are left out."""
    found = [
        (policy.look_up(category, severity, "", surface, audience), severity) for severity in range(1, MAX_SEVERITY + 1)
    ]
    cells = []
    for verdict, members in groupby(found, key=lambda pair: pair[0]):
        severities = [severity for _, severity in members]
        cells.append(Cell(severities[0], severities[-1], verdict))
    return tuple(cells)
