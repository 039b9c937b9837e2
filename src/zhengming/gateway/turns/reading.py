"""Finding turns: pages of rows, newest first, whatever is asked and however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from zhengming.gateway.turns.filters import TurnFilter, moment_of
from zhengming.gateway.turns.scanning import (
    ROUNDS,
    Stretch,
    Way,
    condition_of,
    edge_of,
    source_of,
    sparsest,
    values_of,
)
from zhengming.store import Row, Tx
from zhengming.web.paging import Cursor

MOST: Final = 200
"""The longest page."""


class TurnRow(NamedTuple):
    """A turn as lists show it; no text. Times are ms UTC; `categories` are of its findings, each once."""

    id: str
    state: str
    outcome: str
    service_id: str
    key_id: str
    person_id: str
    conversation_id: str
    relation: str
    api: str
    model: str
    upstream: str
    streamed: int
    audience: str
    unattributed: int
    unscreened: int
    unjudged: int
    verdict_input: str
    verdict_output: str
    care_level: int
    opened_at: int
    closed_at: int | None
    first_byte_ms: int | None
    held_max: int | None
    tokens_in: int | None
    tokens_out: int | None
    categories: tuple[str, ...] = ()
    service_name: str = ""


class TurnPage(NamedTuple):
    """A page of turns, newest first.

    `older` and `newer` lead to the next pages, None at either end. `searched_to` is the moment (ms UTC) at which the
    search stopped because it had looked at enough rows, None when it stopped because the page is full or nothing is
    left; `older` (or `newer`, when it was walking that way) goes on from there.
    """

    rows: tuple[TurnRow, ...]
    older: Cursor | None
    newer: Cursor | None
    searched_to: int | None


class _Question(NamedTuple):
    """The way to walk, everything that is asked of a turn on it, and the values that both name."""

    way: Way
    condition: str
    values: dict[str, object]


class _Found(NamedTuple):
    """What a walk found, in its own order, and where it stopped: None when nothing is left."""

    rows: list[Row]
    stopped: str | None


_COLUMNS: Final = TurnRow._fields[: TurnRow._fields.index("categories")]
_SELECT: Final = ", ".join(f"t.{name}" for name in _COLUMNS)


def find(tx: Tx, asked: TurnFilter, *, cursor: Cursor | None = None, limit: int = 50) -> TurnPage:
    """Return one page of the turns that a filter asks for; without a cursor the newest."""
    asked = resolve(tx, asked)
    limit = min(max(limit, 1), MOST)
    low, high = asked.bounds()
    stretch = Stretch(low, high, newer=False)
    if cursor is not None:
        stretch = Stretch(low, high, cursor.newer).after(cursor.id)
        stretch = stretch._replace(low=max(low, stretch.low), high=min(high, stretch.high))
    found = _walk(tx, asked, stretch, limit)
    if cursor is not None and cursor.newer and found.stopped is None and len(found.rows) <= limit:
        return find(tx, asked, limit=limit)  # the newest page, filled up
    return _page(tx, found, limit, cursor)


def resolve(tx: Tx, asked: TurnFilter) -> TurnFilter:
    """Return the filter with `q` put where it belongs: a conversation, a person, else the id of a turn."""
    if not asked.q:
        return asked
    if tx.one("SELECT 1 FROM turn WHERE conversation_id = :q LIMIT 1", {"q": asked.q}) is not None:
        return replace(asked, q="", conversation=asked.q)
    if tx.one("SELECT 1 FROM turn WHERE person_id = :q LIMIT 1", {"q": asked.q}) is not None:
        return replace(asked, q="", person=asked.q)
    return asked


def by_id(tx: Tx, turn_id: str) -> TurnRow | None:
    """Return one turn as lists show it, None when there is none of this id."""
    rows = tx.rows(f"SELECT {_SELECT} FROM turn t WHERE t.id = :id", {"id": turn_id})
    return next(iter(_complete(tx, rows)), None)


def count_newer(tx: Tx, asked: TurnFilter, turn_id: str, *, most: int = 100) -> int:
    """Count the turns that came after one, at most `most` of them and within the bounds of one search."""
    asked = resolve(tx, asked)
    low, high = asked.bounds()
    stretch = Stretch(low, high, newer=True).after(turn_id)
    return min(len(_walk(tx, asked, stretch._replace(low=max(low, stretch.low)), most).rows), most)


def of_conversation(tx: Tx, conversation_id: str, *, limit: int = MOST) -> list[TurnRow]:
    """Return the latest turns of a conversation, in the order in which they came."""
    rows = tx.rows(
        f"SELECT {_SELECT} FROM turn t WHERE conversation_id = :id ORDER BY opened_at DESC, id DESC LIMIT :limit",
        {"id": conversation_id, "limit": limit},
    )
    return list(_complete(tx, rows[::-1]))


def _walk(tx: Tx, asked: TurnFilter, stretch: Stretch, limit: int) -> _Found:
    """Look for one row more than `limit`, in rounds that grow, along the sparsest way."""
    values, condition = values_of(asked), condition_of(asked)
    if asked.q:
        by_id = _Question(Way("turn", "id", ("id = :q",)), condition, {**values, "q": asked.q})
        return _Found(_rows(tx, by_id, stretch, limit + 1), None)
    question = _Question(sparsest(tx, asked, stretch, values), condition, values)
    found: list[Row] = []
    for size in ROUNDS:
        edge = edge_of(tx, question.way, stretch, size, values)
        part = stretch if edge is None else stretch.until(edge)
        found += _rows(tx, question, part, limit + 1 - len(found))
        if edge is None or len(found) > limit:
            return _Found(found, None)
        stretch = stretch.after(edge)
    return _Found(found, stretch.low if stretch.newer else stretch.high)


def _rows(tx: Tx, question: _Question, part: Stretch, limit: int) -> list[Row]:
    order = "ASC" if part.newer else "DESC"
    return tx.rows(
        f"SELECT {_SELECT} FROM {source_of(question.way)} AND {question.condition}"
        f" ORDER BY {question.way.order} {order} LIMIT :limit",
        {**question.values, "low": part.low, "high": part.high, "limit": limit},
    )


def _page(tx: Tx, found: _Found, limit: int, cursor: Cursor | None) -> TurnPage:
    newer_way = cursor is not None and cursor.newer
    shown = found.rows[:limit]
    more = len(found.rows) > limit
    last = str(shown[-1][0]) if more else found.stopped
    onward = None if last is None else Cursor(last, newer_way)
    searched_to = None if more or found.stopped is None else moment_of(found.stopped)
    back = None if cursor is None else _back(cursor, str(shown[0][0]) if shown else "")
    rows = tuple(_complete(tx, shown[::-1] if newer_way else shown))
    return TurnPage(rows, back, onward, searched_to) if newer_way else TurnPage(rows, onward, back, searched_to)


def _back(cursor: Cursor, first: str) -> Cursor:
    """Return the way back from a page whose row nearest to the cursor is `first`; an empty page leads to the cursor."""
    if first:
        return Cursor(first, not cursor.newer)
    return Cursor(cursor.id + "0") if cursor.newer else Cursor(cursor.id[:-1] or "0", newer=True)


def _complete(tx: Tx, rows: Sequence[Row]) -> Iterable[TurnRow]:
    """Add to the rows what lies in other tables, in one query each."""
    if not rows:
        return []
    categories = _categories(tx, [str(row[0]) for row in rows])
    names = _service_names(tx, {str(row[3]) for row in rows})
    return [TurnRow._make((*row, tuple(categories.get(row[0], ())), names.get(row[3], row[3]))) for row in rows]


def _categories(tx: Tx, ids: Sequence[str]) -> dict[str, list[str]]:
    places = {f"i{number}": turn_id for number, turn_id in enumerate(ids)}
    found: dict[str, list[str]] = {}
    for turn_id, category in tx.rows(
        "SELECT DISTINCT turn_id, category FROM turn_signal"
        f" WHERE turn_id IN ({', '.join(':' + name for name in places)}) ORDER BY turn_id, category",
        places,
    ):
        found.setdefault(turn_id, []).append(category)
    return found


def _service_names(tx: Tx, ids: set[str]) -> dict[str, str]:
    places = {f"i{number}": service_id for number, service_id in enumerate(sorted(ids))}
    wanted = ", ".join(":" + name for name in places)
    return dict(tx.rows(f"SELECT id, name FROM service WHERE id IN ({wanted})", places))
