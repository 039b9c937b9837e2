"""Ways to walk through turns in the order of their ids, and how far a search may look.

A *way* is an index that holds the turns which fulfil one condition of a filter, sorted by id. A search takes the way
that is sparsest just where it begins, and asks the rest of the filter of the rows on it. Where no way is sparse it has
looked at enough after :data:`ROUNDS`, and says where it stopped: so no filter can make the database read everything.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from zhengming.core.words import CareLevel, Verdict
from zhengming.gateway import records
from zhengming.gateway.records import Ending
from zhengming.gateway.turns.filters import TurnFilter
from zhengming.store import Tx

ROUNDS: Final = (500, 1_500, 3_000)
"""How many rows each round of a search walks over; 5,000 together."""


class Way(NamedTuple):
    """An index in the order of ids: `branches` are conditions, each of which alone leaves that order intact.

    An index that is not `sorted` by id holds few turns for a condition; they are sorted when they were found.
    """

    table: str
    column: str
    branches: tuple[str, ...]
    sorted: bool = True

    @property
    def key(self) -> str:
        """The id in comparisons and orders; written so that no walk over all ids takes the place of the index."""
        return self.column if self.sorted else f"{self.column} || ''"

    @property
    def order(self) -> str:
        """The id of the turn, by which the rows are sorted."""
        return self.key if self.table == "turn" else "t.id"

    @property
    def condition(self) -> str:
        """The condition of the whole way, true where it asks nothing."""
        return "(" + " OR ".join(self.branches) + ")" if len(self.branches) > 1 else self.branches[0]


class Stretch(NamedTuple):
    """The ids still to be looked at, `low` inclusive, `high` exclusive, and from which end."""

    low: str
    high: str
    newer: bool

    def until(self, edge: str) -> Stretch:
        """The part from where the search stands to `edge`, the edge included."""
        return self._replace(high=_just_after(edge)) if self.newer else self._replace(low=edge)

    def after(self, edge: str) -> Stretch:
        """What is left once everything up to and including `edge` was looked at."""
        return self._replace(low=_just_after(edge)) if self.newer else self._replace(high=edge)


def _just_after(turn_id: str) -> str:
    """Ids have one length, so no id lies between an id and the same with a digit more."""
    return turn_id + "0"


EVERYTHING: Final = Way("turn", "id", ("1 = 1",))


def ways(asked: TurnFilter) -> list[Way]:
    """Return the ways that a filter opens; the conditions of partial indexes are repeated as they were declared."""
    found = [Way("turn", "id", (condition,), is_sorted) for condition, is_sorted in _conditions(asked)]
    if asked.care:
        levels = [int(level) for level in CareLevel if level >= asked.care]
        found.append(Way("turn", "id", tuple(f"(care_level = {level} AND care_level > 0)" for level in levels)))
    if asked.category:
        found.append(Way("turn_signal", "turn_id", ("category = :category",)))
    if asked.rule:
        found.append(Way("turn_signal", "turn_id", ("1 = 1",)))  # signals are sparser than turns
    return found or [EVERYTHING]


def _conditions(asked: TurnFilter) -> list[tuple[str, bool]]:
    """The conditions on a turn that an index serves, and whether that index is in the order of ids."""
    few = (
        (bool(asked.conversation), "conversation_id = :conversation"),
        (asked.state == records.OPEN, "state = 'open' AND instance >= ''"),  # names the first column of its index
    )
    offered = (
        (bool(asked.service), "service_id = :service"),
        (bool(asked.person), "person_id = :person"),
        (asked.unscreened, "unscreened = 1"),
        (
            asked.outcome not in {"", Ending.SERVED, Ending.UNDERWAY},
            "outcome = :outcome AND outcome NOT IN ('served', 'underway')",
        ),
        (
            asked.verdict_in not in {"", Verdict.ALLOW},
            "verdict_input = :verdict_in AND verdict_input <> 'allow'",
        ),
        (
            asked.verdict_out not in {"", Verdict.ALLOW},
            "verdict_output = :verdict_out AND verdict_output NOT IN ('', 'allow')",
        ),
    )
    return [(condition, one is offered) for one in (few, offered) for there, condition in one if there]


# `|| ''` and `+ 0` keep the planner from walking another index than the way that was chosen.
_SIGNAL: Final = (
    "EXISTS (SELECT 1 FROM turn_signal s WHERE s.turn_id = t.id AND s.turn_id >= :low AND s.turn_id < :high"
    " AND s.{0} || '' = :{0})"
)
_REST: Final = {
    "service": "t.service_id || '' = :service",
    "outcome": "t.outcome || '' = :outcome",
    "verdict_in": "t.verdict_input || '' = :verdict_in",
    "verdict_out": "t.verdict_output || '' = :verdict_out",
    "category": _SIGNAL.format("category"),
    "rule": _SIGNAL.format("rule"),
    "care": "t.care_level + 0 >= :care",
    "unscreened": "t.unscreened + 0 = 1",
    "unattributed": "t.unattributed + 0 = 1",
    "key": "t.key_id || '' = :key",
    "person": "t.person_id || '' = :person",
    "conversation": "t.conversation_id || '' = :conversation",
    "model": "t.model || '' = :model",
    "api": "t.api || '' = :api",
    "audience": "t.audience || '' = :audience",
    "state": "t.state || '' = :state",
}


def values_of(asked: TurnFilter) -> dict[str, object]:
    """Return the values that the conditions name."""
    return {name: value for name in _REST if (value := getattr(asked, name))}


def condition_of(asked: TurnFilter) -> str:
    """Return everything that a filter asks of a turn `t` between `:low` and `:high`."""
    return " AND ".join([text for name, text in _REST.items() if getattr(asked, name)] or ["1 = 1"])


def edge_of(tx: Tx, way: Way, stretch: Stretch, rows: int, values: dict[str, object]) -> str | None:
    """Return the id up to which a way holds about `rows` entries, None when the stretch holds fewer.

    Between the beginning of the stretch and the edge, the edge included, lie all entries of every branch.
    """
    each = max(rows // len(way.branches), 1)
    order = "ASC" if stretch.newer else "DESC"
    edges = []
    for branch in way.branches:
        row = tx.one(
            f"SELECT {way.column} FROM {way.table} WHERE {branch} AND {way.key} >= :low AND {way.key} < :high"
            f" ORDER BY {way.key} {order} LIMIT 1 OFFSET :skip",
            {**values, "low": stretch.low, "high": stretch.high, "skip": each - 1},
        )
        if row is not None:
            edges.append(str(row[0]))
    if not edges:
        return None
    return min(edges) if stretch.newer else max(edges)


def sparsest(tx: Tx, asked: TurnFilter, stretch: Stretch, values: dict[str, object]) -> Way:
    """Return the way on which the first rows reach furthest."""
    offered = ways(asked)
    if len(offered) == 1:
        return offered[0]
    reached: list[tuple[str, Way]] = []
    for way in offered:
        edge = edge_of(tx, way, stretch, ROUNDS[0], values)
        if edge is None:
            return way
        reached.append((edge, way))
    return (max if stretch.newer else min)(reached, key=lambda one: one[0])[1]


def source_of(way: Way) -> str:
    """Return the FROM and the beginning of the WHERE of a query along a way, for a turn `t` from `:low` to `:high`."""
    between = f"{way.key} >= :low AND {way.key} < :high"
    if way.table == "turn":
        # The way's condition names columns without `t.`: there is one table only.
        return f"turn t WHERE {way.condition} AND {between}"
    inner = f"SELECT DISTINCT turn_id FROM turn_signal WHERE {way.condition} AND {between}"
    return f"({inner}) way CROSS JOIN turn t WHERE t.id = way.turn_id"
