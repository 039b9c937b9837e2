"""Whatever stands in an address or a form, no page breaks: on SQLite, and on PostgreSQL, which is stricter."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from tests.console.conftest import session_for
from tests.gateway.served import Served

from zhengming.console.asked import Page
from zhengming.console.pages import PAGES
from zhengming.core.words import Role
from zhengming.web import sessions

PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
HOSTILE = (
    "%00",
    "a%00b",
    "9" * 19,
    "9" * 5_000,
    "-1",
    "%ed%a0%80%ff",
    "..%2f..%2fetc%2fpasswd",
    "281474976710655",
    "0001-01-01T00:00",
    "x%0d%0aset-cookie:%20a=b%E2%80%AE",
)
QUERY = re.findall(
    r"\w+",
    """after care category conversation cursor done from id key kind model next noted other outcome person q range
    rehearse reveal rule service start state surface texts to token unscreened verdict_in""",
)
FIELDS = re.findall(
    r"\w+",
    """act again audience checkpoint code days function history kind language lasting model name new next note password
    persona revision role said scope scopes service surface text theme timezone token until why""",
)


@pytest.fixture
def owner(served: Served) -> Iterator[httpx2.Client]:
    """A browser of the owner, on each kind of database."""
    cookies = {sessions.COOKIE: session_for(served, Role.OWNER)}
    headers = {"sec-fetch-site": "same-origin"}
    with httpx2.Client(base_url=served.url, cookies=cookies, headers=headers, timeout=30) as client:
        yield client


def broken(client: httpx2.Client, method: str, address: str, body: bytes = b"") -> list[str]:
    """Name the request when it breaks; only the head of the answer is read, since some never end."""
    headers = {"content-type": "application/x-www-form-urlencoded"} if body else {}
    with client.stream(method, address, content=body or None, headers=headers) as answer:
        if answer.status_code >= 500:
            return [f"{method} {address[:100]} {body[:60]!r}: {answer.status_code}"]
    return []


def places(page: Page) -> list[str]:
    """The path of a page with each hostile value in its places."""
    if "{" not in page.path:
        return []
    return [PLACE.sub(value.replace("\\", r"\\"), page.path) for value in HOSTILE]


@pytest.mark.timeout(300)
def test_no_page_breaks_whatever_stands_in_its_path(owner: httpx2.Client) -> None:
    wrong = []
    for page in PAGES:
        for path in places(page):
            wrong += broken(owner, page.method, path, b"why=because+it+is")

    assert wrong == []


@pytest.mark.timeout(300)
def test_no_page_breaks_whatever_stands_in_its_query(owner: httpx2.Client) -> None:
    wrong = []
    for value in HOSTILE:
        for page in PAGES:
            if page.method == "GET" and "{" not in page.path:
                wrong += broken(owner, "GET", f"{page.path}?{'&'.join(f'{name}={value[:500]}' for name in QUERY)}")
        for name in QUERY:
            wrong += broken(owner, "GET", f"/turns?{name}={value}")

    assert wrong == []


@pytest.mark.timeout(300)
def test_no_page_breaks_whatever_stands_in_its_form(owner: httpx2.Client) -> None:
    wrong = []
    for page in PAGES:
        if page.method == "POST" and page.path not in {"/sign-out", "/sign-in"}:
            path = PLACE.sub("none", page.path)
            for value in HOSTILE:
                wrong += broken(owner, "POST", path, "&".join(f"{name}={value[:500]}" for name in FIELDS).encode())

    assert wrong == []
