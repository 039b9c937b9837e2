"""People by pseudonym: bands, audiences, reports, erasure."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.accounts import people, reports, switches
from zhengming.accounts.conversations import Conversations
from zhengming.accounts.people import Person, audience_for, band_of_age, band_of_birth
from zhengming.accounts.profiles import ServiceProfile
from zhengming.accounts.pseudonyms import Pseudonyms, Who
from zhengming.accounts.reports import Outcome, Report, ReportKind, read_band
from zhengming.core.errors import InvalidInputError
from zhengming.core.words import AUDIENCE_STRICTNESS, Audience, SwitchKind
from zhengming.store import Store

NOW = 1_800_000_000_000
TODAY = date(2026, 3, 1)
CHILD, TEEN, ADULT, ELDER = Audience.CHILD, Audience.TEEN, Audience.ADULT, Audience.ELDER


def test_a_pseudonym_is_stable_and_joins_nothing() -> None:
    names = Pseudonyms(b"pepper")

    assert names.of_user("s", "ann") == names.of_user("s", "ann") == Pseudonyms(b"pepper").of_user("s", "ann")
    different = {
        names.of_user("s", "ann"),
        names.of_user("s", "bob"),
        names.of_user("t", "ann"),
        names.of_user("sa", "nn"),
        names.of_user("s", "ann "),
        names.of_user("s", "\ud800"),
        Pseudonyms(b"salt").of_user("s", "ann"),
    }
    assert len(different) == 7
    assert all("ann" not in name and name.startswith("u_") and len(name) == 34 for name in different)


def test_without_a_user_the_person_of_the_key_stands_in() -> None:
    names = Pseudonyms(b"pepper")

    assert names.who("s", "", "key-1") == Who("k_key-1", stand_in=True)
    assert names.who("s", "ann", "key-1") == Who(names.of_user("s", "ann"), stand_in=False)


@pytest.mark.parametrize(
    ("years", "band"),
    [(0, CHILD), (13, CHILD), (14, TEEN), (17, TEEN), (18, ADULT), (59, ADULT), (60, ELDER), (150, ELDER)],
)
def test_a_band_begins_on_the_birthday(years: int, band: Audience) -> None:
    assert band_of_age(years) is band
    assert band_of_birth(date(TODAY.year - years, TODAY.month, TODAY.day), TODAY) is band
    if years:
        day_after = date(TODAY.year - years, TODAY.month, TODAY.day) + timedelta(days=1)
        assert band_of_birth(day_after, TODAY) is band_of_age(years - 1)


def test_who_was_born_on_29_february_is_older_on_1_march() -> None:
    assert band_of_birth(date(2008, 2, 29), date(2026, 2, 28)) is TEEN
    assert band_of_birth(date(2008, 2, 29), date(2026, 3, 1)) is ADULT


@pytest.mark.parametrize("years", [-1, 151])
def test_nobody_has_an_age_that_nobody_has(years: int) -> None:
    with pytest.raises(InvalidInputError, match=str(years)):
        band_of_age(years)


@pytest.mark.parametrize(
    ("told", "band"),
    [
        ({}, None),
        ({"band": "elder"}, ELDER),
        ({"birth_date": "2010-05-01"}, TEEN),
        ({"age": 30}, ADULT),
        ({"age": 0}, CHILD),
    ],
)
def test_a_report_names_an_age_in_one_of_three_ways(told: dict[str, object], band: Audience | None) -> None:
    assert read_band(**told, today=TODAY) is band  # type: ignore[arg-type]  # a table of keyword arguments


@pytest.mark.parametrize(
    "told",
    [
        {"band": "old"},
        {"birth_date": "1.5.2010"},
        {"birth_date": "2026-03-02"},
        {"birth_date": "1800-01-01"},
        {"age": 200},
        {"band": "adult", "age": 30},
        {"birth_date": "2010-05-01", "age": 15},
    ],
)
def test_an_age_that_cannot_be_read_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        read_band(**told, today=TODAY)  # type: ignore[arg-type]  # a table of keyword arguments


AUDIENCES = st.frozensets(st.sampled_from(AUDIENCE_STRICTNESS), min_size=1)


@given(
    allowed=AUDIENCES,
    band=st.one_of(st.none(), st.sampled_from(AUDIENCE_STRICTNESS)),
    stand_in=st.booleans(),
    has_conversation=st.booleans(),
)
def test_nobody_is_judged_for_a_laxer_audience_than_what_is_known_allows(
    *, allowed: frozenset[Audience], band: Audience | None, stand_in: bool, has_conversation: bool
) -> None:
    service = ServiceProfile(id="s", name="s", audiences=allowed)
    strict = min(allowed, key=AUDIENCE_STRICTNESS.index)
    person = Person("u_1", "s", stand_in, band)

    assert audience_for(service, None, has_conversation=has_conversation) is strict
    found = audience_for(service, person, has_conversation=has_conversation)
    if band is None or stand_in:
        assert found is strict
    elif has_conversation:
        assert found is band
    else:
        assert found is min(band, strict, key=AUDIENCE_STRICTNESS.index)


def test_a_person_is_made_once(books: Store) -> None:
    for moment in (NOW, NOW + 5):
        books.write_sync(lambda tx, at=moment: people.ensure(tx, "u_1", "s", stand_in=False, now=at))  # type: ignore[misc]  # a default keeps the loop's value
    assert books.read_sync(lambda tx: people.get(tx, "u_1")) == Person("u_1", "s", stand_in=False)
    assert books.read_sync(lambda tx: tx.rows("SELECT created_at FROM person")) == [(NOW,)]
    assert books.read_sync(lambda tx: people.get(tx, "u_2")) is None


def told(store: Store, kind: ReportKind, band: Audience | None = None, now: int = NOW) -> Outcome:
    report = Report(kind, "u_1", "s", "key-1", band)
    return store.write_sync(lambda tx: reports.report_event(tx, report, now=now))


def test_reports_fill_in_what_is_known_and_take_nothing_away(books: Store) -> None:
    assert told(books, ReportKind.REGISTRATION, TEEN, NOW).allowed
    assert told(books, ReportKind.LOGIN, None, NOW + 5).allowed
    assert books.read_sync(lambda tx: people.get(tx, "u_1")) == Person(
        "u_1", "s", stand_in=False, band=TEEN, registered_at=NOW, login_at=NOW + 5
    )
    told(books, ReportKind.AGE, ADULT, NOW + 9)
    told(books, ReportKind.REGISTRATION, None, NOW + 9)
    assert books.read_sync(lambda tx: people.get(tx, "u_1")) == Person(
        "u_1", "s", stand_in=False, band=ADULT, registered_at=NOW, login_at=NOW + 5
    )


def test_a_report_of_an_age_must_name_one(books: Store) -> None:
    with pytest.raises(InvalidInputError, match="names none"):
        told(books, ReportKind.AGE)


def test_the_ledger_hears_the_pseudonym_and_the_kind_and_no_age(books: Store) -> None:
    told(books, ReportKind.AGE, CHILD)
    [row] = books.read_sync(lambda tx: tx.rows("SELECT payload FROM ledger_entry"))
    entry = json.loads(bytes(row[0]))
    assert set(entry) == {"seq", "id", "type", "at", "kind", "person", "service", "key", "allowed"}
    assert (entry["type"], entry["kind"], entry["person"], entry["allowed"]) == ("user.reported", "age", "u_1", True)


def test_no_one_registers_while_registration_is_stopped(books: Store) -> None:
    switch = books.write_sync(
        lambda tx: switches.set_switch(
            tx, SwitchKind.STOP_REGISTRATION, who="ann", why="order 3", now=NOW, service_id="s", expires_at=NOW + 100
        )
    )
    refused = told(books, ReportKind.REGISTRATION, ADULT, NOW + 1)
    assert refused == Outcome(allowed=False, switch=switch)
    assert books.read_sync(lambda tx: people.get(tx, "u_1")) is None
    [entry] = books.read_sync(lambda tx: tx.rows("SELECT payload FROM ledger_entry WHERE type = 'user.reported'"))
    assert json.loads(bytes(entry[0])).items() >= {"allowed": False, "switch": switch.id}.items()
    assert told(books, ReportKind.LOGIN, None, NOW + 1).allowed
    assert told(books, ReportKind.REGISTRATION, ADULT, NOW + 100).allowed


async def test_an_erasure_takes_a_persons_rows_and_leaves_the_others(books: Store) -> None:
    conversations = Conversations(books, b"key")
    for person in ("u_1", "u_2"):
        turn = await conversations.resolve([b"hello"], ["user"], person_id=person, service_id="s", rules_version="v1")
        closing = conversations.closing(turn, [b"hi"], clean=True, now=NOW, response_id="r")
        await books.write(lambda tx, person=person: people.ensure(tx, person, "s", stand_in=False, now=NOW))  # type: ignore[misc]  # as above
        await books.write(lambda tx, turn=turn: turn.open(tx, NOW))  # type: ignore[misc]  # as above
        await books.write(closing.write)
    await books.write(lambda tx: people.forget(tx, "u_1"))
    for table in ("person", "conversation", "conversation_node", "conversation_response"):
        assert len(await books.read(lambda tx, table=table: tx.rows(f"SELECT * FROM {table}"))) == 1, table  # type: ignore[misc]  # as above
    assert (await books.read(lambda tx: tx.rows("SELECT id FROM person"))) == [("u_2",)]
