"""A console that serves, and people who are signed in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest
from tests.gateway.conftest import embedded, serve, served
from tests.gateway.served import Served

from zhengming.accounts import staff
from zhengming.core.words import Role
from zhengming.store import Tx
from zhengming.web import sessions

__all__ = ["embedded", "serve", "served"]

SignIn = Callable[..., httpx2.Client]


def session_for(site: Served, *roles: Role, language: str = "en", name: str = "") -> str:
    """Make an account with these roles and return the secret of a session of its own."""
    secret, now = sessions.new_secret(), site.gateway.clock()
    called = name or "-".join(sorted(roles))

    def unit(tx: Tx) -> None:
        found = next((one for one in staff.list_all(tx) if one.name == called), None)
        member = found or staff.create(
            tx, called, password="unusable", roles=roles, who="a test", now=now, language=language
        )
        sessions.start(tx, member.id, secret=secret, now=now)

    site.write(unit)
    return secret


@pytest.fixture
def sign_in() -> Iterator[SignIn]:
    """`sign_in(site, Role.OWNER)` gives a client with a session; without a role nobody is signed in."""
    with ExitStack() as stack:

        def client(site: Served, *roles: Role, language: str = "en", name: str = "") -> httpx2.Client:
            cookies = {sessions.COOKIE: session_for(site, *roles, language=language, name=name)} if roles else {}
            return stack.enter_context(httpx2.Client(base_url=site.url, cookies=cookies, timeout=30))

        yield client
