"""A real address for every page of the table: its parameters filled with what lies in the seeded console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import httpx2
from tests.console.conftest import session_for
from tests.gateway.served import Served

from zhengming.accounts import links
from zhengming.core.words import Role
from zhengming.web import sessions

_OWNER: Final = (Role.OWNER,)


class Place(NamedTuple):
    """Where a page is, and in which roles it is looked at; without a role nobody is signed in."""

    address: str
    roles: tuple[Role, ...] = _OWNER


def owner(site: Served, language: str) -> httpx2.Client:
    """A client in the session of the person who looks at pages in this language; the caller closes it."""
    secret = session_for(site, *_OWNER, language=language, name=f"owner-{language}")
    return httpx2.Client(base_url=site.url, cookies={sessions.COOKIE: secret}, timeout=30)


def _one(site: Served, sql: str) -> str:
    return str(site.rows(sql)[0][0])


def _stopped(site: Served) -> str:
    return _one(site, "SELECT id FROM turn WHERE outcome = 'stopped' AND verdict_output = 'stop' ORDER BY id LIMIT 1")


def _talk(site: Served) -> str:
    return _one(site, "SELECT conversation_id FROM turn GROUP BY conversation_id ORDER BY count(*) DESC LIMIT 1")


def _texts(site: Served, language: str) -> Place:
    """Open the texts of a turn with a reason: the page is for who gave it."""
    with owner(site, language) as client:
        answer = client.post(f"/turns/{_stopped(site)}/reveal", data={"why": "looked at in a test of all pages"})
    return Place(answer.headers["location"].partition("#")[0])


def _link(site: Served, purpose: str) -> Place:
    secret, now = links.new_secret(), site.gateway.clock()
    if purpose == links.INVITATION:
        site.write(lambda tx: links.invite(tx, [Role.REVIEWER], secret=secret, who="Lin", now=now))
    else:
        member = _one(site, "SELECT id FROM staff LIMIT 1")
        site.write(lambda tx: links.new_password(tx, member, secret=secret, who="Lin", why="a test", now=now))
    return Place(links.path_of(purpose, secret), ())


FILLED: Final[Mapping[str, Callable[[Served, str], Place]]] = {
    "/conversations/{conversation_id}": lambda site, _: Place(f"/conversations/{_talk(site)}"),
    "/invitation": lambda site, _: _link(site, links.INVITATION),
    "/keys/{id}/revoke": lambda site, _: Place(
        f"/keys/{_one(site, 'SELECT id FROM api_key WHERE revoked_at IS NULL LIMIT 1')}/revoke"
    ),
    "/ledger/checks/{id}": lambda site, _: Place(f"/ledger/checks/{_one(site, 'SELECT id FROM ledger_check LIMIT 1')}"),
    "/ledger/{entry}": lambda _, __: Place("/ledger/0"),
    "/new-password": lambda site, _: _link(site, links.NEW_PASSWORD),
    "/rules/{id}": lambda site, _: Place(f"/rules/{site.gateway.rules.ruling.matcher.rules.rules[0].id}"),
    "/services/{id}": lambda site, _: Place(f"/services/{_one(site, 'SELECT id FROM service ORDER BY name LIMIT 1')}"),
    "/sign-in": lambda _, __: Place("/sign-in", ()),
    "/staff/{staff_id}": lambda site, _: Place(f"/staff/{_one(site, 'SELECT id FROM staff LIMIT 1')}"),
    "/switches/{id}/lift": lambda site, _: Place(
        f"/switches/{_one(site, 'SELECT id FROM switch WHERE lifted_at IS NULL LIMIT 1')}/lift"
    ),
    "/turns/{turn_id}": lambda site, _: Place(f"/turns/{_stopped(site)}"),
    "/turns/{turn_id}/texts": _texts,
    "/turns/{turn_id}/verify": lambda site, _: Place(f"/turns/{_stopped(site)}/verify"),
}

OTHERWISE: Final[Mapping[str, str]] = {
    "/account/second-factor.svg": "the picture on a page that is looked at",
    "/health/live": "a stream",
    "/ledger/checkpoints/{size}": "a download",
    "/ledger/find": "leads to an entry",
    "/ledger/{entry}/proof": "a download",
    "/overview/live": "a stream",
    "/playground/turns/{turn_id}": "a part of a page that is looked at",
    "/sign-in/code": "test_sign_in looks at it in the middle of signing in",
    "/turns/live": "a stream",
    "/turns/{turn_id}/proof/closed.json": "a download",
    "/turns/{turn_id}/proof/opened.json": "a download",
}
"""Addresses of the table that are no page to look at here, and why."""


def place(site: Served, path: str, language: str) -> Place:
    """Return the address of a page. Fails for a parameter that this table does not know."""
    if path in FILLED:
        return FILLED[path](site, language)
    if "{" in path:
        message = f"no address for {path}: add it to {__name__}"
        raise AssertionError(message)
    return Place(path)
