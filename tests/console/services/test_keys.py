"""API keys in the console: shown once, revoked for good."""

from __future__ import annotations

import re

import httpx2
from tests.console.conftest import SignIn
from tests.gateway.served import Served

from zhengming.accounts import keys, switches
from zhengming.core.words import Role, SwitchKind

SECRET = re.compile(r"zm-[A-Za-z0-9_-]{43}")


def default_id(site: Served) -> str:
    found = site.gateway.directory.snapshot.named("default")
    assert found is not None
    return found.id


def models(site: Served, secret: str) -> int:
    return httpx2.get(f"{site.url}/v1/models", headers=site.headers(secret)).status_code


def test_a_key_is_shown_once_and_works_at_once(embedded: Served, sign_in: SignIn) -> None:
    owner = sign_in(embedded, Role.OWNER)
    page = owner.post(
        "/keys/new", data={"service": default_id(embedded), "scopes": ["chat"], "note": "<i>web site</i>"}
    )

    assert page.status_code == 201
    assert page.headers["cache-control"] == "no-store"
    (secret,) = set(SECRET.findall(page.text))
    assert f"{embedded.url}/v1/chat/completions" in page.text
    assert models(embedded, secret) == 200
    listed = owner.get("/keys").text
    assert secret not in listed
    assert secret[: keys.SHOWN] in listed
    assert "&lt;i&gt;web site&lt;/i&gt;" in listed


def test_a_key_without_a_scope_or_service_is_not_made(embedded: Served, sign_in: SignIn) -> None:
    page = sign_in(embedded, Role.OWNER).post("/keys/new", data={"service": "nobody", "note": "mine"})

    assert page.status_code == 422
    assert page.text.count("at least one") == 2
    assert 'value="mine"' in page.text


def test_revoking_asks_why_says_what_will_happen_and_is_for_good(embedded: Served, sign_in: SignIn) -> None:
    owner = sign_in(embedded, Role.OWNER, name="ann")
    secret = embedded.new_key()
    key = embedded.run(embedded.gateway.store.read(lambda tx: keys.find(tx, secret)))
    asked = owner.get(f"/keys/{key.id}/revoke")
    assert "cannot be undone" in asked.text
    assert "1 other live key" in asked.text
    assert owner.post(f"/keys/{key.id}/revoke", data={"why": ""}).status_code == 422
    assert models(embedded, secret) == 200

    done = owner.post(f"/keys/{key.id}/revoke", data={"why": "leaked"})

    assert (done.status_code, done.headers["location"]) == (303, "/keys?done=revoked")
    assert models(embedded, secret) == 401
    assert "ann: leaked" in owner.get("/keys", params={"state": "revoked"}).text
    again = owner.post(f"/keys/{key.id}/revoke", data={"why": "leaked"})
    assert again.status_code == 409
    assert "revoked this key already" in again.text


def test_no_key_is_made_during_a_freeze_but_one_can_be_revoked(embedded: Served, sign_in: SignIn) -> None:
    owner, now = sign_in(embedded, Role.OWNER), embedded.gateway.clock()
    key = embedded.run(embedded.gateway.store.read(lambda tx: keys.find(tx, embedded.key)))
    embedded.write(lambda tx: switches.set_switch(tx, SwitchKind.FREEZE_CHANGES, who="bob", why="audit", now=now))

    page = owner.post("/keys/new", data={"service": default_id(embedded), "scopes": ["chat"], "note": "mine"})

    assert page.status_code == 409
    assert "bob has frozen changes" in page.text
    assert 'value="mine"' in page.text
    assert owner.post(f"/keys/{key.id}/revoke", data={"why": "leaked"}).status_code == 303


def test_who_may_only_look_makes_and_revokes_nothing(embedded: Served, sign_in: SignIn) -> None:
    auditor = sign_in(embedded, Role.AUDITOR)

    assert auditor.get("/keys").status_code == 200
    assert auditor.get("/keys/new").status_code == 403
    assert auditor.post("/keys/new", data={}).status_code == 403
    assert sign_in(embedded, Role.REVIEWER).get("/keys").status_code == 403
