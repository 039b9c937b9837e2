"""The way in: what is refused, what it tells, what a session survives."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.console.people import PASSWORD, Browsers, make, set_up_factor, sign_in
from tests.gateway.conftest import Serve
from tests.gateway.served import Served

from zhengming.accounts import links, passwords, sign_ins, staff
from zhengming.accounts.limits import Rate
from zhengming.core.words import Role
from zhengming.store import Tx
from zhengming.web import sessions


def entries(site: Served, event: str) -> list[dict[str, object]]:
    rows = site.rows("SELECT payload FROM ledger_entry WHERE type = :type ORDER BY seq", type=event)
    return [json.loads(row[0]) for row in rows]


def test_somebody_signs_in_is_recorded_and_signs_out(embedded: Served, browsers: Browsers) -> None:
    member = make(embedded)
    client = browsers.signed_in(address="203.0.113.77")
    [entry] = entries(embedded, "staff.signed_in")

    assert client.get("/account").status_code == 200
    assert (entry["staff"], entry["network"], entry["second_factor"]) == (member.id, "203.0.113.0/24", False)
    assert client.post("/sign-out").headers["location"] == "/sign-in?out=1"
    assert client.get("/account").status_code == 303
    assert entries(embedded, "session.ended")[0]["why"] == "signed out"


def test_an_unknown_name_and_a_wrong_password_are_answered_alike(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    wrong = sign_in(browsers.new(), "Ann", "not the password at all")
    unknown = sign_in(browsers.new(), "Abb", "not the password at all")

    def plain(text: str) -> str:
        return re.sub(r"<time.*?</time>|As of .*|Ann|Abb", "", text)

    assert wrong.status_code == unknown.status_code == 401
    assert plain(wrong.text) == plain(unknown.text)
    assert {name for name, _ in wrong.headers.items()} == {name for name, _ in unknown.headers.items()}
    assert [(one["outcome"], one["staff"] is None) for one in entries(embedded, "staff.refused")] == [
        ("wrong_password", False),
        ("unknown_name", True),
    ]


def test_what_is_typed_as_an_unknown_name_is_kept_nowhere_since_it_may_be_a_password(
    embedded: Served, browsers: Browsers
) -> None:
    sign_in(browsers.new(), "hunter2-my-password", "x")

    assert embedded.rows("SELECT name, outcome FROM sign_in") == [("", "unknown_name")]


def test_a_disabled_account_is_answered_like_a_wrong_password(embedded: Served, browsers: Browsers) -> None:
    make(embedded, "Bob", Role.OWNER)
    member = make(embedded)
    now = embedded.gateway.clock()
    embedded.write(lambda tx: staff.disable(tx, member.id, who="Bob", why="left", now=now))

    assert sign_in(browsers.new()).status_code == 401
    assert entries(embedded, "staff.refused")[0]["outcome"] == "disabled"


async def test_what_is_no_hash_and_nobody_cost_the_same_work_and_fit_nothing() -> None:
    assert not await passwords.fits(None, PASSWORD)
    assert not await passwords.fits("unusable", PASSWORD)
    assert not passwords.is_outdated(passwords.NOBODY)
    assert not await passwords.fits(passwords.encode_now("x" * 20), "x" * 20_000)


def test_a_session_planted_before_the_sign_in_opens_nothing_after_it(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    client = browsers.new()
    client.cookies.set(sessions.COOKIE, "planted")
    sign_in(client)
    held = client.cookies.get(sessions.COOKIE, domain="127.0.0.1")
    thief = browsers.new()
    thief.cookies.set(sessions.COOKIE, "planted")

    assert held not in {None, "planted"}
    assert thief.get("/account").status_code == 303


def test_signing_in_again_ends_the_session_that_the_browser_had(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    client = browsers.signed_in()
    before = client.cookies.get(sessions.COOKIE)
    assert before is not None
    sign_in(client)
    thief = browsers.new()
    thief.cookies.set(sessions.COOKIE, before)

    assert client.get("/account").status_code == 200
    assert thief.get("/account").status_code == 303


def test_only_the_digest_of_a_session_is_stored(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    secret = browsers.signed_in().cookies.get(sessions.COOKIE)
    assert secret is not None
    stored = embedded.rows("SELECT * FROM web_session")

    assert secret not in str(stored)
    assert stored[0][1] == sessions.digest(secret)


@pytest.mark.parametrize("idle", [True, False])
def test_a_session_ends_after_two_idle_hours_and_after_twelve_in_any_case(
    embedded: Served, browsers: Browsers, idle: bool
) -> None:
    make(embedded)
    client = browsers.signed_in()
    before = sessions.IDLE if idle else sessions.LIFETIME
    column = "seen_at" if idle else "expires_at"
    moved = before - 30_000
    embedded.write(lambda tx: tx.run(f"UPDATE web_session SET {column} = {column} - :moved", {"moved": moved}))
    assert client.get("/account").status_code == 200
    embedded.write(lambda tx: tx.run(f"UPDATE web_session SET {column} = {column} - :moved", {"moved": before}))

    assert client.get("/account").status_code == 303


def test_being_seen_is_written_down_at_most_once_a_minute(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    client = browsers.signed_in()
    [[began]] = embedded.rows("SELECT seen_at FROM web_session")
    client.get("/account")
    assert embedded.rows("SELECT seen_at FROM web_session") == [(began,)]
    embedded.write(lambda tx: tx.run("UPDATE web_session SET seen_at = seen_at - 61000"))
    client.get("/account", headers={"accept": "text/event-stream"})  # a tab that is left open is nobody at work
    assert embedded.rows("SELECT seen_at FROM web_session") == [(began - 61_000,)]
    client.get("/account")

    assert embedded.rows("SELECT seen_at FROM web_session")[0][0] >= began


def test_a_new_password_ends_every_other_session(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    here, there = browsers.signed_in(), browsers.signed_in()
    new = "another four unrelated words"
    wrong = here.post("/account/password", data={"password": "no", "new": new, "again": new})
    assert wrong.status_code == 400
    done = here.post("/account/password", data={"password": PASSWORD, "new": new, "again": new})

    assert done.headers["location"] == "/account?done=password"
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303
    assert sign_in(browsers.new()).status_code == 401
    assert sign_in(browsers.new(), "Ann", new).status_code == 303


def test_a_password_that_changes_while_somebody_signs_in_with_the_old_one_lets_nobody_in(embedded: Served) -> None:
    member, now = make(embedded), embedded.gateway.clock()
    origin = sessions.Origin("192.0.2.0/24", "a browser")

    def unit(tx: Tx) -> bool:
        staff.set_password(tx, member.id, password="other", who="Ann", now=now + 1)
        return sign_ins.open_session(tx, member, secret="s", origin=origin, now=now + 2)

    assert embedded.write(unit) is False


def test_a_session_of_somebody_else_cannot_be_ended_by_its_id(embedded: Served, browsers: Browsers) -> None:
    make(embedded), make(embedded, "Eve", Role.AUDITOR)
    victim, eve = browsers.signed_in(), browsers.signed_in("Eve")
    [[target]] = embedded.rows("SELECT w.id FROM web_session w JOIN staff s ON s.id = w.subject WHERE s.name = 'Ann'")
    eve.post(f"/account/sessions/{target}/end")

    assert victim.get("/account").status_code == 200


def test_guessing_is_slowed_and_a_known_network_is_not_locked_out_by_others(
    embedded: Served, browsers: Browsers
) -> None:
    make(embedded)
    browsers.signed_in(address="198.51.100.1")
    stranger = browsers.new("203.0.113.9")
    answers = [sign_in(stranger, "Ann", "guess") for _ in range(11)]
    assert [one.status_code for one in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert sign_in(stranger).status_code == 429  # even with the right password
    name = next(one for one in sign_ins._claims("ann", "x", known=False) if one.name == "name")
    embedded.run(embedded.gateway.limiter.take([name._replace(cost=80)], embedded.gateway.clock()))
    embedded.run(embedded.gateway.limiter.take([Rate("name", name.key, 100, 9, name.period)], embedded.gateway.clock()))

    assert sign_in(browsers.new("192.0.2.1")).status_code == 429  # an unknown network, once the name is flooded
    assert sign_in(browsers.new("198.51.100.200")).status_code == 303  # the person's own


def test_refusals_for_haste_do_not_fill_the_ledger(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    client = browsers.new("203.0.113.9")
    for _ in range(25):
        sign_in(client, "Ann", "guess")

    assert len(entries(embedded, "staff.refused")) == 11


def test_the_second_factor_is_asked_for_and_a_code_opens_once(embedded: Served, browsers: Browsers) -> None:
    totp, _ = set_up_factor(embedded, make(embedded))
    client, code = browsers.new(), totp.at(embedded.gateway.clock() // 1000)
    assert sign_in(client, next="/staff").headers["location"] == "/sign-in/code?next=%2Fstaff"
    assert client.get("/account").status_code == 303  # the password alone opens nothing
    half = client.cookies.get(sign_ins.HALF_COOKIE)
    assert half is not None
    thief = browsers.new()
    thief.cookies.set(sessions.COOKIE, half)
    assert thief.get("/account").status_code == 303
    assert client.post("/sign-in/code", data={"code": code, "next": "/staff"}).headers["location"] == "/staff"
    assert client.get("/account").status_code == 200
    again = browsers.new()
    sign_in(again)

    assert again.post("/sign-in/code", data={"code": code}).status_code == 401


def test_codes_cannot_be_guessed(embedded: Served, browsers: Browsers) -> None:
    totp, _ = set_up_factor(embedded, make(embedded))
    wrong = next(f"{n:06}" for n in range(9) if f"{n:06}" not in {totp.at(0), totp.now()})
    client = browsers.new()
    sign_in(client)
    answers = [client.post("/sign-in/code", data={"code": wrong}) for _ in range(sign_ins.CODES_AT_A_TIME)]
    assert {one.status_code for one in answers} == {401}
    assert 'action="/sign-in/code"' not in answers[-1].text  # from the name again
    fresh = browsers.new("192.0.2.1")
    now = embedded.gateway.clock()

    def earlier(tx: Tx) -> None:
        for _ in range(sign_ins.CODES_A_DAY):
            sign_ins._note(tx, staff.by_name(tx, "Ann"), sign_ins.WRONG_CODE, sessions.Origin("x", ""), now - 3_600_000)

    embedded.write(earlier)
    sign_in(fresh)
    code = totp.at(embedded.gateway.clock() // 1000)
    assert fresh.post("/sign-in/code", data={"code": code}).status_code == 401  # even the right one
    assert fresh.get("/account").status_code == 303
    noted = embedded.rows("SELECT COUNT(*) FROM sign_in")
    assert fresh.post("/sign-in/code", data={"code": code}).status_code == 401
    assert embedded.rows("SELECT COUNT(*) FROM sign_in") == noted  # asking again and again fills no table


def test_a_recovery_code_opens_once_also_when_sent_twice_at_the_same_time(embedded: Served, browsers: Browsers) -> None:
    _, codes = set_up_factor(embedded, make(embedded))
    pair = [browsers.new(), browsers.new()]
    for one in pair:
        sign_in(one)
    half = [one.cookies.get(sign_ins.HALF_COOKIE) for one in pair]
    assert all(half)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one.post("/sign-in/code", data={"code": codes[0].upper()}), pair))

    assert sorted(one.status_code for one in answers) == [303, 401]
    assert [row for row in embedded.rows("SELECT recovery FROM staff") if len(row[0].split()) == len(codes) - 1]


def test_where_a_second_factor_is_required_nothing_else_opens_without_one(serve: Serve) -> None:
    site = serve(second_factor="required")
    make(site)
    from contextlib import ExitStack

    with ExitStack() as stack:
        client = Browsers(site, stack).new()
        sign_in(client)
        assert client.get("/").headers["location"] == "/account/second-factor"
        assert client.post("/account/password").headers["location"] == "/account/second-factor"
        assert client.get("/account/second-factor").status_code == 200
        begun = client.post("/account/second-factor/begin", data={"password": PASSWORD})
        assert begun.status_code == 303
        picture = client.get("/account/second-factor.svg")
        assert picture.headers["content-type"] == "image/svg+xml"
        assert "style" not in picture.text
        assert "script" not in picture.text


def test_the_first_owner_comes_in_by_the_link_and_nobody_after(embedded: Served, browsers: Browsers) -> None:
    secret, now = links.new_secret(), embedded.gateway.clock()
    embedded.write(lambda tx: links.first_owner(tx, secret=secret, now=now))
    client, address = browsers.new(), f"/welcome?token={secret}"
    assert client.get(address).status_code == client.get(address).status_code == 200  # looking uses nothing up
    form = {"token": secret, "name": "Ann", "password": PASSWORD, "again": PASSWORD, "language": "zh-CN"}
    with ThreadPoolExecutor(2) as pool:
        both = [browsers.new(), browsers.new()]
        answers = list(pool.map(lambda one: one.post("/welcome", data=form), both))

    assert sorted(one.status_code for one in answers) in ([303, 400], [303, 404], [303, 409])
    assert embedded.rows("SELECT name, roles, language FROM staff") == [("Ann", "owner", "zh-CN")]
    assert browsers.new().get(address).status_code == 404
    assert embedded.write(lambda tx: links.first_owner(tx, secret="another", now=now)) is False


def test_an_invitation_gives_its_roles_once_and_can_be_withdrawn(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    owner, guest = browsers.signed_in(), browsers.new()
    page = owner.post("/staff/new", data={"role": ["auditor", "nonsense"]}).text
    found = re.search(r"/invitation\?token=([\w-]+)", page)
    assert found is not None
    form = {"token": found[1], "name": "Ada", "password": PASSWORD, "again": PASSWORD, "role": "owner"}
    assert guest.post("/invitation", data=form).headers["location"] == "/welcome"
    assert guest.get("/staff").status_code == 200
    assert guest.get("/staff/new").status_code == 403
    assert browsers.new().post("/invitation", data={**form, "name": "Eva"}).status_code == 404
    owner.post("/staff/new", data={"role": "owner"})
    [withdraw] = set(re.findall(r"/staff/invitations/(\w+)/withdraw", owner.get("/staff").text))
    owner.post(f"/staff/invitations/{withdraw}/withdraw", data={"why": "sent to the wrong person"})

    assert "/withdraw" not in owner.get("/staff").text


def test_a_link_for_a_new_password_works_once_and_never_past_its_day(embedded: Served, browsers: Browsers) -> None:
    member, now = make(embedded), embedded.gateway.clock()
    make(embedded, "Bob")

    def make_link(secret: str, at: int) -> None:
        embedded.write(lambda tx: links.new_password(tx, member.id, secret=secret, who="Bob", why="a test", now=at))

    make_link("late", now - links.LIFETIME)
    assert browsers.new().get("/new-password?token=late").status_code == 404
    make_link("good", now)
    session, new = browsers.signed_in(), "another four unrelated words"
    form = {"password": new, "again": new}
    assert browsers.new().post("/new-password", data={**form, "token": "late"}).status_code == 404
    assert browsers.new().get("/new-password?token=good").status_code == 200
    assert browsers.new().post("/new-password", data={**form, "token": "good"}).headers["location"] == "/sign-in?new=1"
    assert browsers.new().post("/new-password", data={**form, "token": "good"}).status_code == 404
    assert session.get("/account").status_code == 303
    assert sign_in(browsers.new(), "Ann", new).status_code == 303
