"""Every role against every route, from the two tables that decide: what is not given is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from tests.console.conftest import session_for
from tests.gateway.conftest import Serve
from tests.gateway.served import Served

from zhengming.accounts.roles import ROLES, permissions_of
from zhengming.console.asked import Page
from zhengming.console.pages import PAGES
from zhengming.core.words import Permission, Role
from zhengming.web import sessions

PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
HARMLESS = {"int": "1", "path": "none", "float": "1", "uuid": "00000000-0000-7000-8000-000000000000"}


@pytest.fixture
def site(serve: Serve) -> Iterator[Served]:
    """A site of the test's own: what the owner may do is really asked for."""
    yield serve()  # noqa: PT022 - the fixture behind it tears down


def address(page: Page) -> str:
    return PLACE.sub(lambda place: HARMLESS.get(place[2] or "", "none"), page.path)


def refused(client: httpx2.Client, page: Page) -> str:
    """Why a page does not open: `sign in`, `not allowed`, `breaks`, or nothing when it does. Only the head is read."""
    with client.stream(page.method, address(page), headers={"sec-fetch-site": "same-origin"}) as answer:
        if answer.status_code == 500:
            return "breaks"
        if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in"):
            return "" if page.path in {"/sign-out", "/sign-in", "/sign-in/code"} else "sign in"
        return "not allowed" if answer.status_code == 403 else ""


def test_the_table_of_pages_names_each_route_once_and_says_what_it_is() -> None:
    routes = [(page.method, PLACE.sub("{}", page.path)) for page in PAGES]

    assert len(routes) == len(set(routes))
    assert all(page.meaning.strip() for page in PAGES)
    assert {page.method for page in PAGES} <= {"GET", "POST"}


def test_only_the_way_in_is_open_to_everybody() -> None:
    opened = {page.path for page in PAGES if page.needs is None}

    assert opened <= {
        "/sign-in",
        "/sign-in/code",
        "/sign-out",
        "/language",
        "/theme",
        "/welcome",
        "/invitation",
        "/new-password",
    }


def test_every_permission_is_given_to_the_owner_and_none_by_no_role() -> None:
    assert permissions_of([Role.OWNER]) == frozenset(Permission)
    assert permissions_of([]) == frozenset()
    assert set(ROLES) == set(Role)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", [None, *Role])
def test_a_role_opens_what_the_table_gives_it_and_nothing_else(site: Served, role: Role | None) -> None:
    wrong = []
    with httpx2.Client(base_url=site.url, timeout=30) as client:
        for page in PAGES:
            client.cookies.clear()
            if role is not None:  # a session for each, since some pages end it
                client.cookies.set(sessions.COOKIE, session_for(site, role))
            allowed = page.needs is None or (role is not None and page.needs in ROLES[role])
            expected = "" if allowed else "sign in" if role is None else "not allowed"
            found = refused(client, page)
            if found != expected:
                wrong.append(f"{page.method} {page.path}: {found or 'opens'}, not {expected or 'open'}")

    assert wrong == []


def test_a_disabled_account_and_an_ended_session_open_nothing_from_the_next_request_on(site: Served) -> None:
    secret = session_for(site, Role.OWNER)
    with httpx2.Client(base_url=site.url, cookies={sessions.COOKIE: secret}, timeout=30) as client:
        assert client.get("/account").status_code == 200
        site.write(lambda tx: tx.run("UPDATE staff SET disabled_at = 1"))
        assert client.get("/account").headers["location"] == "/sign-in?next=%2Faccount"
        site.write(lambda tx: tx.run("UPDATE staff SET disabled_at = NULL"))
        assert client.get("/account").status_code == 200
        site.write(lambda tx: tx.run("UPDATE web_session SET ended_at = 1"))
        assert client.get("/account").status_code == 303


def test_a_role_that_was_taken_away_counts_no_more_from_the_next_request_on(site: Served) -> None:
    secret = session_for(site, Role.COMPLIANCE)
    with httpx2.Client(base_url=site.url, cookies={sessions.COOKIE: secret}, timeout=30) as client:
        assert client.get("/staff").status_code == 200
        site.write(lambda tx: tx.run("UPDATE staff SET roles = 'reviewer'"))
        assert client.get("/staff").status_code == 403
        site.write(lambda tx: tx.run("UPDATE staff SET roles = ''"))
        assert client.get("/account").status_code == 403


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_open_nothing_that_reading_does_not(site: Served, method: str) -> None:
    with httpx2.Client(base_url=site.url, timeout=30) as client:
        answer = client.request(method, "/account", headers={"sec-fetch-site": "same-origin"})

    assert answer.status_code in {303, 400, 404, 405}
    assert answer.status_code != 303 or answer.headers["location"].startswith("/sign-in")


def test_head_answers_as_get_does_without_a_body(site: Served) -> None:
    secret = session_for(site, Role.AUDITOR)
    with httpx2.Client(base_url=site.url, cookies={sessions.COOKIE: secret}, timeout=30) as client:
        assert (client.head("/staff").status_code, client.head("/staff").content) == (200, b"")
        assert client.head("/staff/new").status_code == 403
