"""Switches in the console: two steps that say what will happen, in force at once, lifted with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.console.conftest import SignIn
from tests.gateway.served import Served

from zhengming.accounts import switches
from zhengming.core.words import Role, SwitchKind


def wish(**changes: Any) -> dict[str, Any]:
    return {"kind": "stop_generation", "service": "*", "function": "*", "why": "incident 17", **changes}


def standing(site: Served) -> list[switches.Switch]:
    now = site.gateway.clock()
    return [one for one in site.run(site.gateway.store.read(switches.list_all)) if one.stands(now)]


def test_a_switch_is_set_in_two_steps_and_the_first_changes_nothing(embedded: Served, sign_in: SignIn) -> None:
    ann = sign_in(embedded, Role.ENGINEER, name="ann")
    review = ann.post("/switches/review", data=wish(lasting="2h"))

    assert review.status_code == 200
    assert "people get a notice in its place" in review.text
    assert standing(embedded) == []

    done = ann.post("/switches", data=wish(lasting="2h", act="set"))

    assert (done.status_code, done.headers["location"]) == (303, "/switches?done=set")
    (made,) = standing(embedded)
    assert (made.kind, made.who, made.why) == (SwitchKind.STOP_GENERATION, "ann", "incident 17")
    assert made.expires_at == made.set_at + 7_200_000
    answer = embedded.client().chat.completions.create(
        model="zhengming-rehearsal", messages=[{"role": "user", "content": "hello"}]
    )
    assert answer.id
    assert embedded.rows("SELECT outcome FROM turn") == [("notice",)]
    page = ann.get("/switches").text
    assert "incident 17" in page
    assert f"/switches/{made.id}/lift" in page


def test_what_was_typed_comes_back_with_what_is_wrong(embedded: Served, sign_in: SignIn) -> None:
    page = sign_in(embedded, Role.OWNER).post(
        "/switches/review", data=wish(persona="<b>mia", lasting="until", until="2001-01-01T00:00", why="")
    )

    assert page.status_code == 422
    assert "Say why." in page.text
    assert "must lie in the future" in page.text
    assert "&lt;b&gt;mia" in page.text


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "stop_everything"}, {"service": "nobody"}, {"function": "dance"}, {"lasting": "3 moons"}],
)
def test_what_is_not_on_the_list_is_refused_in_both_steps(
    embedded: Served, sign_in: SignIn, wrong: dict[str, str]
) -> None:
    owner = sign_in(embedded, Role.OWNER)

    assert owner.post("/switches/review", data=wish(**wrong)).status_code == 422
    assert owner.post("/switches", data=wish(**wrong, act="set")).status_code == 422
    assert standing(embedded) == []


def test_going_back_keeps_what_was_typed_and_sets_nothing(embedded: Served, sign_in: SignIn) -> None:
    page = sign_in(embedded, Role.OWNER).post("/switches", data=wish(act="back", persona="mia"))

    assert page.status_code == 200
    assert 'value="mia"' in page.text
    assert standing(embedded) == []


def test_a_time_is_read_in_the_time_zone_of_the_account(embedded: Served, sign_in: SignIn) -> None:
    sign_in(embedded, Role.OWNER).post("/switches", data=wish(lasting="until", until="2999-12-31T08:00", act="set"))

    assert standing(embedded)[0].expires_at == 32_503_593_600_000  # midnight, UTC


def test_a_switch_is_lifted_with_a_reason_once(embedded: Served, sign_in: SignIn) -> None:
    bob, now = sign_in(embedded, Role.OWNER, name="bob"), embedded.gateway.clock()
    made = embedded.write(
        lambda tx: switches.set_switch(tx, SwitchKind.FREEZE_CHANGES, who="ann", why="audit", now=now)
    )
    assert "can be changed again" in bob.get(f"/switches/{made.id}/lift").text
    assert bob.post(f"/switches/{made.id}/lift", data={"why": ""}).status_code == 422

    done = bob.post(f"/switches/{made.id}/lift", data={"why": "audit over"})

    assert (done.status_code, done.headers["location"]) == (303, "/switches?done=lifted")
    assert standing(embedded) == []
    assert bob.post(f"/switches/{made.id}/lift", data={"why": "again"}).status_code == 409
    assert "lifted by bob: audit over" in bob.get("/switches").text
    (row,) = embedded.rows("SELECT payload FROM ledger_entry WHERE type = 'switch.lifted'")
    assert json.loads(bytes(row[0]))["switch"]["lifted_why"] == "audit over"


def test_who_may_only_look_sets_and_lifts_nothing(embedded: Served, sign_in: SignIn) -> None:
    auditor = sign_in(embedded, Role.AUDITOR)

    assert "/switches/new" not in auditor.get("/switches").text
    assert auditor.get("/switches/new").status_code == 403
    assert auditor.post("/switches", data=wish(act="set")).status_code == 403
    assert sign_in(embedded, Role.REVIEWER).get("/switches").status_code == 403


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("kind", list(SwitchKind))
def test_every_step_is_there_for_every_kind_in_both_languages(
    embedded: Served, sign_in: SignIn, kind: SwitchKind, language: str
) -> None:
    owner = sign_in(embedded, Role.OWNER, language=language)
    pages = [
        owner.get("/switches"),
        owner.get("/switches/new", params={"kind": kind}),
        owner.post("/switches/review", data=wish(kind=kind)),
    ]
    owner.post("/switches", data=wish(kind=kind, act="set"))
    pages += [owner.get("/switches"), owner.get(f"/switches/{standing(embedded)[0].id}/lift")]

    assert [page.status_code for page in pages] == [200] * 5
