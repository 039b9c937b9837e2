"""Services and keys: made, changed, read and recorded."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace

import pytest

from zhengming.accounts import keys, service
from zhengming.accounts.errors import ChangedMeanwhileError
from zhengming.accounts.keys import NewKey
from zhengming.accounts.profiles import Limits, ServiceProfile, from_json
from zhengming.accounts.service import ServiceRecord
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.words import Audience, LabelPlacement
from zhengming.store import Store

NOW = 1_800_000_000_000


def entries(store: Store, kind: str) -> list[dict[str, object]]:
    found = store.read_sync(
        lambda tx: tx.rows("SELECT payload FROM ledger_entry WHERE type = :type ORDER BY seq", {"type": kind})
    )
    return [json.loads(bytes(row[0])) for row in found]


def test_a_service_is_found_by_id_and_by_name(books: Store, profile: ServiceProfile) -> None:
    assert books.read_sync(lambda tx: service.get(tx, profile.id)) == profile
    assert books.read_sync(lambda tx: service.by_name(tx, "helper")) == profile
    assert books.read_sync(service.list_all) == [profile]


def test_a_service_that_is_not_there_is_named_with_the_next_step(books: Store) -> None:
    with pytest.raises(NotFoundError, match=r"'nobody'.*services list"):
        books.read_sync(lambda tx: service.by_name(tx, "nobody"))
    with pytest.raises(NotFoundError, match="nobody"):
        books.read_sync(lambda tx: service.get(tx, "nobody"))


def test_a_change_is_recorded_with_what_changed_and_nothing_else(books: Store, profile: ServiceProfile) -> None:
    changed = replace(profile, audiences=frozenset({Audience.ELDER}), limits=Limits(key_requests_per_minute=5))
    books.write_sync(lambda tx: service.update(tx, changed, who="bob", why="order 12", now=NOW + 1))

    assert books.read_sync(lambda tx: service.get(tx, profile.id)) == changed
    made, updated = entries(books, "service.changed")
    assert isinstance(made["changes"], dict)
    assert made["changes"]["name"] == "helper"
    assert (updated["who"], updated["why"], updated["service"]) == ("bob", "order 12", profile.id)
    assert isinstance(updated["changes"], dict)
    assert set(updated["changes"]) == {"audiences", "limits"}
    assert updated["changes"]["audiences"] == ["elder"]


@pytest.mark.parametrize(("who", "why"), [("", "x"), ("x", " ")])
def test_a_change_without_a_name_or_a_reason_leaves_nothing(
    books: Store, profile: ServiceProfile, who: str, why: str
) -> None:
    with pytest.raises(InvalidInputError, match="who makes it and why"):
        books.write_sync(lambda tx: service.update(tx, replace(profile, name="other"), who=who, why=why, now=NOW))
    assert books.read_sync(lambda tx: service.get(tx, profile.id)) == profile
    assert len(entries(books, "service.changed")) == 1


def test_two_services_do_not_share_a_name(books: Store, profile: ServiceProfile) -> None:
    with pytest.raises(ConflictError, match="helper"):
        books.write_sync(lambda tx: service.create(tx, from_json({"name": "helper"}), who="a", why="b", now=NOW))
    other = books.write_sync(lambda tx: service.create(tx, from_json({"name": "two"}), who="a", why="b", now=NOW))
    with pytest.raises(ConflictError, match="helper"):
        books.write_sync(lambda tx: service.update(tx, replace(other, name="helper"), who="a", why="b", now=NOW))
    assert books.read_sync(service.list_all) == [profile, other]


def test_a_service_that_is_not_there_cannot_be_changed(books: Store, profile: ServiceProfile) -> None:
    with pytest.raises(NotFoundError):
        books.write_sync(lambda tx: service.update(tx, replace(profile, id="x"), who="a", why="b", now=NOW))


def test_the_first_start_makes_the_service_default_once(books: Store) -> None:
    made = books.write_sync(lambda tx: service.ensure_default(tx, NOW))
    assert made is not None
    assert (made.name, made.label.placement, made.unscreened) == ("default", LabelPlacement.END, "refuse")
    assert books.write_sync(lambda tx: service.ensure_default(tx, NOW)) is None
    books.write_sync(lambda tx: service.update(tx, replace(made, name="renamed"), who="a", why="b", now=NOW))
    assert books.write_sync(lambda tx: service.ensure_default(tx, NOW)) is None
    assert [one.name for one in books.read_sync(service.list_all)] == ["renamed"]


def test_a_key_has_256_random_bits_and_only_its_digest_is_stored(books: Store, key: NewKey) -> None:
    assert re.fullmatch(r"zm-[A-Za-z0-9_-]{43}", key.secret)
    assert keys.new_secret() != keys.new_secret()
    [row] = books.read_sync(lambda tx: tx.rows("SELECT * FROM api_key"))
    assert hashlib.sha256(key.secret.encode()).digest() in [bytes(one) for one in row if isinstance(one, bytes)]
    assert key.secret not in map(str, row)
    assert key.secret.startswith(key.key.prefix)
    [entry] = entries(books, "key.created")
    assert key.secret not in json.dumps(entry)
    assert entry.items() >= {"key": key.key.id, "scopes": ["chat", "report"], "who": "ann"}.items()


def test_a_key_has_the_scopes_it_was_made_with(books: Store, profile: ServiceProfile) -> None:
    made = books.write_sync(
        lambda tx: keys.create(tx, profile.id, who="a", now=NOW, secret="zm-1", scopes=["report"], note="CRM")
    )
    assert books.read_sync(lambda tx: keys.get(tx, made.key.id)) == made.key
    assert (made.key.scopes, made.key.note) == (("report",), "CRM")


@pytest.mark.parametrize("scopes", [[], ["everything"], ["chat", "everything"]])
def test_a_key_cannot_have_unknown_scopes(books: Store, profile: ServiceProfile, scopes: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="scopes"):
        books.write_sync(lambda tx: keys.create(tx, profile.id, who="a", now=NOW, secret="zm-1", scopes=scopes))


def test_a_key_needs_a_service(books: Store) -> None:
    with pytest.raises(NotFoundError):
        books.write_sync(lambda tx: keys.create(tx, "nobody", who="a", now=NOW, secret="zm-1"))


def test_a_key_is_revoked_once_with_a_reason_in_the_ledger(books: Store, key: NewKey) -> None:
    done = books.write_sync(lambda tx: keys.revoke(tx, key.key.id, who="bob", why="leaked", now=NOW + 1))
    assert (done.revoked_at, done.revoked_by) == (NOW + 1, "bob")
    assert books.read_sync(lambda tx: keys.get(tx, key.key.id)) == done
    assert entries(books, "key.revoked")[0].items() >= {"who": "bob", "why": "leaked", "key": key.key.id}.items()
    with pytest.raises(ConflictError):
        books.write_sync(lambda tx: keys.revoke(tx, key.key.id, who="bob", why="again", now=NOW + 2))


def test_a_key_is_found_by_its_id_or_its_beginning(books: Store, profile: ServiceProfile, key: NewKey) -> None:
    assert books.read_sync(lambda tx: keys.find(tx, key.key.id)) == key.key
    assert books.read_sync(lambda tx: keys.find(tx, key.secret)) == key.key
    books.write_sync(lambda tx: keys.create(tx, profile.id, who="a", now=NOW, secret=key.key.prefix + "another"))
    with pytest.raises(NotFoundError, match="More than one"):
        books.read_sync(lambda tx: keys.find(tx, key.key.prefix))
    with pytest.raises(NotFoundError, match="no API key"):
        books.read_sync(lambda tx: keys.find(tx, "zm-nothing"))
    with pytest.raises(NotFoundError):
        books.read_sync(lambda tx: keys.get(tx, "nothing"))


def test_keys_are_listed_latest_first_for_one_service_or_all(
    books: Store, profile: ServiceProfile, key: NewKey
) -> None:
    other = books.write_sync(lambda tx: service.create(tx, from_json({"name": "two"}), who="a", why="b", now=NOW))
    later = books.write_sync(lambda tx: keys.create(tx, other.id, who="a", now=NOW + 1, secret="zm-2")).key

    assert books.read_sync(keys.list_all) == [later, key.key]
    assert books.read_sync(lambda tx: keys.list_all(tx, profile.id)) == [key.key]


def test_the_last_use_of_a_key_only_moves_forward(books: Store, key: NewKey) -> None:
    books.write_sync(lambda tx: keys.note_use(tx, {key.key.id: NOW + 9}))
    books.write_sync(lambda tx: keys.note_use(tx, {key.key.id: NOW + 5}))
    assert books.read_sync(lambda tx: keys.get(tx, key.key.id)).last_used_at == NOW + 9


def test_a_change_upon_an_older_revision_overwrites_nothing(books: Store, profile: ServiceProfile) -> None:
    seen = books.read_sync(lambda tx: service.record(tx, profile.id))
    theirs = replace(profile, audiences=frozenset({Audience.ELDER}))
    books.write_sync(lambda tx: service.update(tx, theirs, who="bob", why="x", now=NOW + 1, revision=seen.revision))

    with pytest.raises(ChangedMeanwhileError, match=r"revision 2, not 1"):
        books.write_sync(
            lambda tx: service.update(tx, profile, who="ann", why="x", now=NOW + 2, revision=seen.revision)
        )
    assert books.read_sync(lambda tx: service.record(tx, profile.id)) == ServiceRecord(
        theirs, 2, seen.created_at, NOW + 1
    )
    assert [one.profile for one in books.read_sync(service.records)] == [theirs]


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": {"wording": "made by us"}},
        {"label": {"wording": "不是AI生成"}},
        {"producer": "001191350211M000100Y4300000"},
    ],
)
def test_a_label_or_a_provider_code_that_cannot_serve_is_not_stored(
    books: Store, profile: ServiceProfile, wrong: dict[str, object]
) -> None:
    changed = replace(from_json({"name": "helper", **wrong}), id=profile.id)

    with pytest.raises(InvalidInputError):
        books.write_sync(lambda tx: service.update(tx, changed, who="bob", why="x", now=NOW + 1))
    assert books.read_sync(lambda tx: service.get(tx, profile.id)) == profile


def test_a_revoked_key_says_why(books: Store, profile: ServiceProfile) -> None:
    made = books.write_sync(lambda tx: keys.create(tx, profile.id, who="ann", now=NOW, secret=keys.new_secret()))
    books.write_sync(lambda tx: keys.revoke(tx, made.key.id, who="bob", why="leaked", now=NOW + 1))

    assert books.read_sync(lambda tx: keys.get(tx, made.key.id)).revoked_why == "leaked"
