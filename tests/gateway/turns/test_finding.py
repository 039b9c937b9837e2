"""Finding turns: every filter, alone and together; every turn exactly once; never more rows read than is bounded."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import pytest
from tests.gateway.turns.rows import START, insert, many, signal_row, turn_row

from zhengming.gateway.turns import scanning
from zhengming.gateway.turns.filters import TurnFilter
from zhengming.gateway.turns.reading import TurnPage, count_newer, find, of_conversation
from zhengming.store import Store
from zhengming.web.paging import Cursor

PLAIN = TurnFilter()


def fill(store: Store, count: int, seed: int = 1) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Write a sample and return it, newest first."""
    made = list(many(count, seed))
    store.write_sync(lambda tx: insert(tx, [row for row, _ in made], [one for _, some in made for one in some]))
    return sorted(made, key=lambda one: str(one[0]["id"]), reverse=True)


def page(store: Store, asked: TurnFilter = PLAIN, **more: Any) -> TurnPage:
    return store.read_sync(lambda tx: find(tx, asked, **more))


def walk(store: Store, asked: TurnFilter = PLAIN, limit: int = 50) -> list[str]:
    """Every id, page after page, to the end."""
    found, cursor = [], None
    while True:
        one = page(store, asked, cursor=cursor, limit=limit)
        found += [row.id for row in one.rows]
        if one.older is None:
            return found
        cursor = one.older


def fits(asked: TurnFilter, row: dict[str, Any], signals: list[dict[str, Any]]) -> bool:
    """What a filter means, said a second time and without a database."""
    low, high = asked.bounds()
    plain = {
        "service": row["service_id"],
        "outcome": row["outcome"],
        "verdict_in": row["verdict_input"],
        "verdict_out": row["verdict_output"],
        "key": row["key_id"],
        "person": row["person_id"],
        "conversation": row["conversation_id"],
        "model": row["model"],
        "api": row["api"],
        "audience": row["audience"],
        "state": row["state"],
    }
    return (
        low <= row["id"] < high
        and all(getattr(asked, name) in {"", value} for name, value in plain.items())
        and row["care_level"] >= asked.care
        and row["unscreened"] >= asked.unscreened
        and row["unattributed"] >= asked.unattributed
        and (not asked.category or any(one["category"] == asked.category for one in signals))
        and (not asked.rule or any(one["rule"] == asked.rule for one in signals))
        and asked.q in {"", row["id"], row["conversation_id"], row["person_id"]}
    )


ASKED: dict[str, dict[str, Any]] = {
    "service": {"service": "s1"},
    "outcome": {"outcome": "failed"},
    "common outcome": {"outcome": "served"},
    "verdict_in": {"verdict_in": "redact"},
    "common verdict": {"verdict_in": "allow"},
    "verdict_out": {"verdict_out": "stop"},
    "category": {"category": "fraud"},
    "rule": {"rule": "fraud.r3"},
    "care": {"care": 2},
    "unscreened": {"unscreened": True},
    "unattributed": {"unattributed": True},
    "key": {"key": "k0"},
    "person": {"person": "p3"},
    "conversation": {"conversation": "c3"},
    "model": {"model": "m1"},
    "api": {"api": "chat"},
    "audience": {"audience": "adult"},
    "state": {"state": "closed"},
    "open": {"state": "open"},
    "since": {"since": START + 700_000},
    "until": {"until": START + 300_000},
    "q": {"q": "c5"},
    "q person": {"q": "p5"},
}


@pytest.mark.parametrize("name", ASKED)
def test_each_filter_finds_exactly_what_it_asks_for(store: Store, name: str) -> None:
    made = fill(store, 1200)
    asked = TurnFilter(**ASKED[name])

    assert walk(store, asked) == [row["id"] for row, signals in made if fits(asked, row, signals)]


def test_any_two_filters_together_find_what_both_ask_for(store: Store) -> None:
    made = fill(store, 1200)
    for first, second in itertools.combinations([one for name, one in ASKED.items() if not name.startswith("q")], 2):
        asked = TurnFilter(**{**first, **second})
        assert walk(store, asked) == [row["id"] for row, signals in made if fits(asked, row, signals)], asked


def test_an_id_finds_its_turn(store: Store) -> None:
    made = fill(store, 30)
    wanted = made[7][0]["id"]

    assert [row.id for row in page(store, TurnFilter(q=wanted)).rows] == [wanted]
    assert page(store, TurnFilter(q="nobody")).rows == ()


def test_paging_meets_every_turn_once_while_others_come_in(store: Store) -> None:
    made = fill(store, 230)
    met, cursor = [], None
    for step in itertools.count():
        one = page(store, cursor=cursor, limit=50)
        met += [row.id for row in one.rows]
        late = [turn_row(START + 10_000_000 + step)]
        store.write_sync(partial(insert, turns=late))
        if one.older is None:
            break
        cursor = one.older

    assert met == [row["id"] for row, _ in made]


def test_going_back_leads_over_the_same_pages_to_the_newest(store: Store) -> None:
    made = [row["id"] for row, _ in fill(store, 175)]
    pages = [page(store)]
    while pages[-1].older is not None:
        pages.append(page(store, cursor=pages[-1].older))
    back = page(store, cursor=pages[-1].newer)
    before = page(store, cursor=back.newer)
    first = page(store, cursor=before.newer)

    assert [row.id for row in back.rows] == made[100:150]
    assert [row.id for row in before.rows] == made[50:100]
    assert [row.id for row in first.rows] == made[:50]
    assert first.newer is None
    assert before.older is not None
    assert [row.id for row in page(store, cursor=before.older).rows] == made[100:150]


def test_a_search_stops_after_its_bound_says_where_and_goes_on_from_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhengming.gateway.turns.reading.ROUNDS", (20, 30))
    made = [turn_row(START + number) for number in range(120)]
    made[3]["model"] = "rare"
    store.write_sync(lambda tx: insert(tx, made))
    asked = TurnFilter(model="rare")
    first = page(store, asked)

    assert first.rows == ()
    assert first.searched_to == START + 70
    assert first.older is not None
    second = page(store, asked, cursor=first.older)
    assert second.searched_to == START + 20
    third = page(store, asked, cursor=second.older)
    assert [row.id for row in third.rows] == [made[3]["id"]]
    assert third.searched_to is None
    assert third.older is None


def test_a_search_towards_the_present_stops_after_its_bound_as_well(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhengming.gateway.turns.reading.ROUNDS", (20, 30))
    made = [turn_row(START + number) for number in range(120)]
    store.write_sync(lambda tx: insert(tx, made))
    found = page(store, TurnFilter(model="rare"), cursor=Cursor(made[0]["id"], newer=True))

    assert found.rows == ()
    assert found.searched_to == START + 50
    assert found.newer is not None
    assert found.older is not None


def test_rows_carry_their_categories_and_the_name_of_their_service(store: Store) -> None:
    row = turn_row(START)
    signals = [signal_row(row["id"], 0), signal_row(row["id"], 1), signal_row(row["id"], 2, category="privacy")]
    store.write_sync(lambda tx: insert(tx, [row], signals))
    (found,) = page(store).rows

    assert found.categories == ("fraud", "privacy")
    assert found.service_name == "s0"  # a service that is gone keeps its id


def test_newer_turns_are_counted_up_to_a_bound(store: Store) -> None:
    made = fill(store, 60)

    def newer(place: int, most: int, asked: TurnFilter = PLAIN) -> int:
        return store.read_sync(lambda tx: count_newer(tx, asked, made[place][0]["id"], most=most))

    assert newer(0, 100) == 0
    assert newer(25, 100) == 25
    assert newer(59, 10) == 10
    assert newer(25, 100, TurnFilter(service="none")) == 0


def test_a_conversation_is_read_in_the_order_in_which_it_went(store: Store) -> None:
    made = fill(store, 200)
    wanted = [row["id"] for row, _ in made if row["conversation_id"] == "c7"][::-1]

    assert [row.id for row in store.read_sync(lambda tx: of_conversation(tx, "c7"))] == wanted


PLANS: dict[str, tuple[dict[str, Any], str]] = {
    "service": ({"service": "s1"}, "ix_turn_service"),
    "person": ({"person": "p1"}, "ix_turn_person"),
    "conversation": ({"conversation": "c1"}, "ix_turn_conversation"),
    "outcome": ({"outcome": "failed"}, "ix_turn_outcome"),
    "verdict_in": ({"verdict_in": "block"}, "ix_turn_verdict_input"),
    "verdict_out": ({"verdict_out": "stop"}, "ix_turn_verdict_output"),
    "care": ({"care": 3}, "ix_turn_care"),
    "unscreened": ({"unscreened": True}, "ix_turn_unscreened"),
    "open": ({"state": "open"}, "ix_turn_open"),
    "category": ({"category": "fraud"}, "ix_turn_signal_category"),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_filter_walks_along_its_index(sqlite_store: Store, name: str) -> None:
    asked, index = PLANS[name]
    filtered = TurnFilter(**asked)
    way = scanning.ways(filtered)[-1]
    sql = (
        f"SELECT t.id FROM {scanning.source_of(way)} AND {scanning.condition_of(filtered)} ORDER BY t.id DESC LIMIT 50"
    )
    values = {**scanning.values_of(filtered), "low": "", "high": "g"}
    plan = sqlite_store.read_sync(lambda tx: tx.rows("EXPLAIN QUERY PLAN " + sql, values))

    assert any(index in str(row[3]) for row in plan), plan
