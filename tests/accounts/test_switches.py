"""Switches: whether one is in force, and how they are set, lifted and recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.accounts import keys, service, switches
from zhengming.accounts.errors import FrozenError
from zhengming.accounts.keys import NewKey
from zhengming.accounts.profiles import ServiceProfile, from_json
from zhengming.accounts.switches import EVERY, Switch, by_kind, in_force
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.words import SwitchKind
from zhengming.store import Store

NOW = 1_800_000_000_000
STOP = SwitchKind.STOP_GENERATION
FREEZE = SwitchKind.FREEZE_CHANGES


def made(**changes: Any) -> Switch:
    return Switch("1", STOP, EVERY, EVERY, EVERY, "ann", "a test", NOW)._replace(**changes)


@pytest.mark.parametrize(
    ("switch", "holds"),
    [
        (made(), True),
        (made(service_id="s"), True),
        (made(service_id="other"), False),
        (made(function="chat"), True),
        (made(function="responses"), False),
        (made(persona="nurse"), True),
        (made(persona="pirate"), False),
        (made(service_id="s", function="chat", persona="nurse"), True),
        (made(service_id="s", function="chat", persona="pirate"), False),
        (made(kind=FREEZE), False),
        (made(expires_at=NOW + 1), True),
        (made(expires_at=NOW), False),
        (made(expires_at=NOW - 1), False),
        (made(lifted_at=NOW - 1), False),
    ],
)
def test_a_switch_is_in_force_where_it_speaks_and_while_it_stands(switch: Switch, *, holds: bool) -> None:
    found = in_force(by_kind([switch]), STOP, NOW, service_id="s", function="chat", persona="nurse")

    assert (found is switch) == holds
    assert found is None or holds


def test_a_switch_on_one_function_or_persona_leaves_alone_what_names_none() -> None:
    standing = by_kind([made(function="chat"), made(persona="nurse")])

    assert in_force(standing, STOP, NOW, service_id="s") is None


@given(st.lists(st.one_of(st.none(), st.integers(NOW + 1, NOW + 9)), min_size=1, max_size=5))
def test_of_several_switches_the_one_that_lasts_longest_is_named(expiries: list[int | None]) -> None:
    found = in_force(by_kind([made(expires_at=one) for one in expiries]), STOP, NOW, service_id="s")

    assert found is not None
    assert found.expires_at == (None if None in expiries else max(one for one in expiries if one is not None))


def entries(store: Store, kind: str) -> list[dict[str, object]]:
    found = store.read_sync(lambda tx: tx.rows("SELECT payload FROM ledger_entry WHERE type = :type", {"type": kind}))
    return [json.loads(bytes(row[0])) for row in found]


def test_setting_and_lifting_say_who_and_why_in_the_ledger(books: Store) -> None:
    switch = books.write_sync(
        lambda tx: switches.set_switch(tx, STOP, who="ann", why="incident 7", now=NOW, function="chat")
    )
    books.write_sync(lambda tx: switches.lift(tx, switch.id, who="bob", why="over", now=NOW + 5))

    [was_set] = entries(books, "switch.set")
    [was_lifted] = entries(books, "switch.lifted")
    assert was_set["switch"] == {
        "id": switch.id,
        "kind": "stop_generation",
        "service_id": "*",
        "function": "chat",
        "persona": "*",
        "who": "ann",
        "why": "incident 7",
        "set_at": NOW,
    }
    assert isinstance(was_lifted["switch"], dict)
    assert was_lifted["switch"].items() >= {"lifted_by": "bob", "lifted_why": "over", "lifted_at": NOW + 5}.items()
    assert books.read_sync(lambda tx: switches.load(tx, NOW + 5)) == {}
    assert books.read_sync(switches.list_all)[0].lifted_by == "bob"


def test_a_switch_that_expired_is_out_of_force_without_a_write(books: Store) -> None:
    books.write_sync(lambda tx: switches.set_switch(tx, STOP, who="a", why="b", now=NOW, expires_at=NOW + 10))

    assert STOP in books.read_sync(lambda tx: switches.load(tx, NOW + 9))
    assert books.read_sync(lambda tx: switches.load(tx, NOW + 10)) == {}


@pytest.mark.parametrize(("who", "why"), [("", "b"), ("a", ""), (" ", "b"), ("a" * 501, "b")])
def test_a_switch_without_a_name_or_a_reason_is_not_set(books: Store, who: str, why: str) -> None:
    with pytest.raises(InvalidInputError):
        books.write_sync(lambda tx: switches.set_switch(tx, STOP, who=who, why=why, now=NOW))
    assert books.read_sync(switches.list_all) == []
    assert entries(books, "switch.set") == []


def test_a_switch_cannot_expire_before_it_is_set(books: Store) -> None:
    with pytest.raises(InvalidInputError, match="expire"):
        books.write_sync(lambda tx: switches.set_switch(tx, STOP, who="a", why="b", now=NOW, expires_at=NOW))


def test_only_a_switch_in_force_can_be_lifted(books: Store) -> None:
    with pytest.raises(NotFoundError):
        books.write_sync(lambda tx: switches.lift(tx, "nothing", who="a", why="b", now=NOW))
    switch = books.write_sync(lambda tx: switches.set_switch(tx, STOP, who="a", why="b", now=NOW, expires_at=NOW + 10))
    with pytest.raises(ConflictError):
        books.write_sync(lambda tx: switches.lift(tx, switch.id, who="a", why="b", now=NOW + 10))


def test_a_freeze_holds_services_and_new_keys_but_never_a_revocation(
    books: Store, profile: ServiceProfile, key: NewKey
) -> None:
    switch = books.write_sync(
        lambda tx: switches.set_switch(tx, FREEZE, who="ann", why="audit", now=NOW, service_id=profile.id)
    )
    with pytest.raises(FrozenError, match=r"ann.*audit"):
        books.write_sync(lambda tx: service.update(tx, profile, who="bob", why="x", now=NOW))
    with pytest.raises(FrozenError):
        books.write_sync(lambda tx: keys.create(tx, profile.id, who="bob", now=NOW, secret=keys.new_secret()))
    other = from_json({"name": "other"})
    books.write_sync(lambda tx: service.create(tx, other, who="bob", why="x", now=NOW))
    assert books.write_sync(lambda tx: keys.revoke(tx, key.key.id, who="bob", why="leak", now=NOW)).revoked_at == NOW

    books.write_sync(lambda tx: switches.lift(tx, switch.id, who="ann", why="done", now=NOW))
    books.write_sync(lambda tx: service.update(tx, profile, who="bob", why="x", now=NOW))


def test_a_freeze_of_everything_holds_new_services_too(books: Store) -> None:
    books.write_sync(lambda tx: switches.set_switch(tx, FREEZE, who="ann", why="audit", now=NOW, expires_at=NOW + 10))
    with pytest.raises(FrozenError):
        books.write_sync(lambda tx: service.create(tx, from_json({"name": "x"}), who="b", why="x", now=NOW + 9))
    books.write_sync(lambda tx: service.create(tx, from_json({"name": "x"}), who="b", why="x", now=NOW + 10))
