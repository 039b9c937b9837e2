"""Staff accounts, links and tokens as units, on each database."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyotp
import pytest
from tests.accounts.conftest import NOW

from zhengming.accounts import links, passwords, second_factor, sign_ins, staff, tokens
from zhengming.accounts.links import LinkSpentError
from zhengming.accounts.staff import LastOwnerError, StaffMember
from zhengming.core.errors import ConflictError, InvalidInputError
from zhengming.core.words import Permission, Role
from zhengming.ledger.master import load_master
from zhengming.ledger.vault import Vault
from zhengming.store import Store, Tx
from zhengming.web import sessions


def make(books: Store, name: str, *roles: Role) -> StaffMember:
    return books.write_sync(lambda tx: staff.create(tx, name, password="unusable", roles=roles, who="a test", now=NOW))


def entries(books: Store, kind: str) -> list[bytes]:
    return [
        bytes(row[0])
        for row in books.read_sync(
            lambda tx: tx.rows("SELECT payload FROM ledger_entry WHERE type = :kind ORDER BY seq", {"kind": kind})
        )
    ]


def test_the_last_owner_can_neither_be_disabled_nor_lose_the_role(books: Store) -> None:
    ann, bob = make(books, "ann", Role.OWNER), make(books, "bob", Role.OWNER)
    books.write_sync(lambda tx: staff.disable(tx, bob.id, who="ann", why="left", now=NOW))
    for act in (
        lambda tx: staff.disable(tx, ann.id, who="ann", why="x", now=NOW),
        lambda tx: staff.change_roles(tx, ann.id, [Role.AUDITOR], who="ann", why="x", now=NOW),
    ):
        with pytest.raises(LastOwnerError):
            books.write_sync(act)
    books.write_sync(lambda tx: staff.enable(tx, bob.id, who="ann", why="back", now=NOW))
    books.write_sync(lambda tx: staff.change_roles(tx, ann.id, [Role.AUDITOR], who="bob", why="x", now=NOW))

    assert books.read_sync(lambda tx: staff.get(tx, ann.id)).roles == {Role.AUDITOR}
    assert len(entries(books, "staff.changed")) == 3


def test_disabling_takes_sessions_links_and_tokens_with_it_and_says_why(books: Store) -> None:
    make(books, "ann", Role.OWNER)
    bob = make(books, "bob", Role.ENGINEER)

    def before(tx: Tx) -> None:
        sessions.start(tx, bob.id, secret="s", now=NOW)
        links.new_password(tx, bob.id, secret="l", who="ann", why="forgot", now=NOW)
        given = [Permission.SEE_TURNS]
        tokens.create(tx, bob.id, secret="zmt-x", scopes=given, note="n", expires_at=None, who="bob", now=NOW)

    books.write_sync(before)
    books.write_sync(lambda tx: staff.disable(tx, bob.id, who="ann", why="left the company", now=NOW))

    assert books.read_sync(lambda tx: sessions.find(tx, "s", NOW)) is None
    assert books.read_sync(lambda tx: links.look(tx, links.NEW_PASSWORD, "l", NOW)) is None
    assert books.read_sync(lambda tx: tokens.find(tx, "zmt-x", NOW)) is None
    assert b"left the company" in entries(books, "staff.changed")[-1]
    assert b"left the company" in entries(books, "session.ended")[-1]
    with pytest.raises(ConflictError):
        books.write_sync(lambda tx: staff.disable(tx, bob.id, who="ann", why="again", now=NOW))


@pytest.mark.parametrize("act", ["disabled", "demoted"])
def test_whoever_has_to_go_keeps_no_link_to_come_back_by(books: Store, act: str) -> None:
    ann, bob = make(books, "ann", Role.OWNER), make(books, "bob", Role.OWNER)

    def before(tx: Tx) -> None:
        links.invite(tx, [Role.OWNER], secret="back", who="bob", now=NOW)
        links.new_password(tx, ann.id, secret="as ann", who="bob", why="a trick", now=NOW)
        links.invite(tx, [Role.AUDITOR], secret="other", who="ann", now=NOW)

    books.write_sync(before)
    if act == "disabled":
        books.write_sync(lambda tx: staff.disable(tx, bob.id, who="ann", why="left", now=NOW))
    else:
        books.write_sync(lambda tx: staff.change_roles(tx, bob.id, [Role.ENGINEER], who="ann", why="moved", now=NOW))

    assert books.read_sync(lambda tx: links.look(tx, links.INVITATION, "back", NOW)) is None
    assert books.read_sync(lambda tx: links.look(tx, links.NEW_PASSWORD, "as ann", NOW)) is None
    assert books.read_sync(lambda tx: links.look(tx, links.INVITATION, "other", NOW)) is not None
    assert b'"links_withdrawn":2' in entries(books, "staff.changed")[-1]


def test_a_second_factor_set_up_while_somebody_signs_in_without_it_lets_nobody_in(books: Store, tmp_path: Path) -> None:
    bob, vault = make(books, "bob", Role.ENGINEER), Vault(load_master(tmp_path))
    secret = second_factor.new_secret()
    code = pyotp.TOTP(secret).at(NOW // 1000)
    origin = sessions.Origin("192.0.2.0/24", "")

    def confirm(tx: Tx) -> bool:
        return second_factor.confirm(tx, vault, bob.id, code, recovery=["a"], who="bob", now=NOW)

    books.write_sync(lambda tx: second_factor.begin(tx, vault, bob.id, secret=secret))
    assert books.write_sync(confirm)
    assert not books.write_sync(lambda tx: sign_ins.open_session(tx, bob, secret="s", origin=origin, now=NOW))
    assert books.read_sync(lambda tx: sessions.find(tx, "s", NOW)) is None


def _made(staff_id: str, scopes: list[Permission], until: int | None, tx: Tx) -> tokens.Token:
    return tokens.create(tx, staff_id, secret="zmt-x", scopes=scopes, note="", expires_at=until, who="bob", now=NOW)


def test_a_token_never_opens_more_than_its_maker_may_at_that_moment(books: Store) -> None:
    make(books, "ann", Role.OWNER)
    bob = make(books, "bob", Role.COMPLIANCE)
    wanted = [Permission.SEE_TURNS, Permission.SET_SWITCHES]

    for scopes, until in (
        ([Permission.MANAGE_STAFF], None),
        ([], None),
        (wanted, NOW),
        (wanted, NOW + 367 * 86_400_000),
    ):
        with pytest.raises(InvalidInputError):
            books.write_sync(partial(_made, bob.id, scopes, until))
    made = books.write_sync(partial(_made, bob.id, wanted, NOW + 1_000))
    assert made.permissions == set(wanted)
    books.write_sync(lambda tx: staff.change_roles(tx, bob.id, [Role.REVIEWER], who="ann", why="x", now=NOW))
    found = books.read_sync(lambda tx: tokens.find(tx, "zmt-x", NOW))
    assert found is not None
    assert (found.permissions, found.maker) == (frozenset({Permission.SEE_TURNS}), "bob")
    assert found.scopes == frozenset(wanted)
    assert books.read_sync(lambda tx: tokens.find(tx, "zmt-x", NOW + 1_000)) is None
    assert books.read_sync(lambda tx: tokens.find(tx, "zmt-y", NOW)) is None
    books.write_sync(lambda tx: tokens.note_use(tx, made.id, NOW + 5))
    books.write_sync(lambda tx: tokens.note_use(tx, made.id, NOW + 3))
    assert [one.last_used_at for one in books.read_sync(lambda tx: tokens.list_of(tx, bob.id))] == [NOW + 5]
    books.write_sync(lambda tx: tokens.revoke(tx, made.id, who="ann", why="leaked", now=NOW))
    assert books.read_sync(lambda tx: tokens.find(tx, "zmt-x", NOW)) is None
    with pytest.raises(ConflictError):
        books.write_sync(lambda tx: tokens.revoke(tx, made.id, who="ann", why="leaked", now=NOW))


def test_a_link_serves_its_purpose_alone_and_once(books: Store) -> None:
    ann = make(books, "ann", Role.OWNER)
    books.write_sync(lambda tx: links.new_password(tx, ann.id, secret="s", who="ann", why="x", now=NOW))
    assert books.read_sync(lambda tx: links.look(tx, links.INVITATION, "s", NOW)) is None
    assert books.read_sync(lambda tx: links.look(tx, links.NEW_PASSWORD, "s", NOW + links.LIFETIME)) is None
    with pytest.raises(LinkSpentError):
        books.write_sync(lambda tx: links.use(tx, links.INVITATION, "s", NOW))
    books.write_sync(lambda tx: links.use(tx, links.NEW_PASSWORD, "s", NOW))

    with pytest.raises(LinkSpentError):
        books.write_sync(lambda tx: links.use(tx, links.NEW_PASSWORD, "s", NOW))


def test_the_first_owners_link_is_replaced_at_each_start_and_gone_with_the_first_account(books: Store) -> None:
    assert books.write_sync(lambda tx: links.first_owner(tx, secret="one", now=NOW))
    assert books.write_sync(lambda tx: links.first_owner(tx, secret="two", now=NOW))
    assert books.read_sync(lambda tx: links.look(tx, links.FIRST_OWNER, "one", NOW)) is None
    assert books.read_sync(lambda tx: links.look(tx, links.FIRST_OWNER, "two", NOW + 10**12)) is not None
    make(books, "ann", Role.OWNER)

    assert books.read_sync(lambda tx: links.look(tx, links.FIRST_OWNER, "two", NOW)) is None
    with pytest.raises(LinkSpentError):
        books.write_sync(lambda tx: links.use(tx, links.FIRST_OWNER, "two", NOW))


def test_a_second_factor_is_sealed_counts_from_its_first_code_and_takes_each_step_once(
    books: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ann, vault = make(books, "ann", Role.OWNER), Vault(load_master(tmp_path_factory.mktemp("keys")))
    secret, codes = second_factor.new_secret(), second_factor.new_codes()
    totp = pyotp.TOTP(secret)

    def at(steps: int) -> str:
        return totp.at(NOW // 1000 + steps * 30)

    books.write_sync(lambda tx: second_factor.begin(tx, vault, ann.id, secret=secret))
    assert not books.read_sync(lambda tx: staff.get(tx, ann.id)).second_factor
    assert not books.write_sync(lambda tx: second_factor.passes(tx, vault, ann.id, at(0), NOW))

    def confirm(code: str) -> bool:
        return books.write_sync(
            lambda tx: second_factor.confirm(tx, vault, ann.id, code, recovery=codes, who="ann", now=NOW)
        )

    assert [confirm("000000" if at(0) != "000000" else "000001"), confirm(at(-1)), confirm(at(0))] == [
        False,
        True,
        False,
    ]
    assert books.read_sync(lambda tx: staff.get(tx, ann.id)).second_factor
    [[sealed, kept]] = books.read_sync(lambda tx: tx.rows("SELECT totp_sealed, recovery FROM staff"))
    assert secret.encode() not in bytes(sealed)
    assert not any(code.replace("-", "") in kept for code in codes)

    def passes(code: str) -> bool:
        return books.write_sync(lambda tx: second_factor.passes(tx, vault, ann.id, code, NOW))

    assert [passes(at(-1)), passes(at(0)), passes(at(0)), passes(at(1)), passes(at(0)), passes(at(2))] == [
        False,
        True,
        False,
        True,
        False,
        False,
    ]
    assert [passes(codes[3].upper()), passes(codes[3]), passes("x"), passes("")] == [True, False, False, False]
    with pytest.raises(ConflictError):
        books.write_sync(lambda tx: second_factor.begin(tx, vault, ann.id, secret=secret))


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "too_short"),
        ("x" * 1_001, "too_long"),
        ("aaaaaaaaaaaa", "common"),
        ("abcabcabcabcab", "common"),
        ("123456789012", "common"),
        ("qwertyuiop123", "common"),
        ("Password2026!", "common"),
        ("!!woaini1314520", "common"),
        ("zhengming正名2026", ""),
        ("annabel.li.annabel.li", "like_name"),
        ("annabel.li-2026", "like_name"),
        ("four unrelated little words", ""),
        ("一只白猫坐在窗台上晒太阳", ""),
        ("        x        ", ""),
    ],
)
def test_a_password_is_measured_by_its_length_and_by_what_everybody_tries(password: str, problem: str) -> None:
    assert passwords.problem_of(password, "annabel.li") == problem


async def test_a_password_fits_however_the_input_method_writes_it() -> None:
    encoded = await passwords.encode("ｐａｓｓage of time é")

    assert await passwords.fits(encoded, "passage of time e\u0301")
    assert not await passwords.fits(encoded, "passage of time e")
