"""Callers of the management API: a client with a token of somebody in a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest
from tests.console.conftest import embedded, serve, served, sign_in
from tests.gateway.served import Served

from zhengming.accounts import staff, tokens
from zhengming.core.words import Permission, Role
from zhengming.store import Tx

__all__ = ["embedded", "serve", "served", "sign_in"]

Calling = Callable[..., httpx2.Client]


def token_for(
    site: Served,
    *roles: Role,
    scopes: frozenset[Permission] | None = None,
    name: str = "",
    seconds: int | None = None,
) -> str:
    """Make a token of a person with these roles, with all that they may do or with the given scopes."""
    secret, now = tokens.new_secret(), site.gateway.clock()
    called = name or "-".join(sorted(roles))

    def unit(tx: Tx) -> None:
        found = next((one for one in staff.list_all(tx) if one.name == called), None)
        member = found or staff.create(tx, called, password="unusable", roles=roles, who="a test", now=now)
        tokens.create(
            tx,
            member.id,
            secret=secret,
            scopes=member.permissions if scopes is None else scopes,
            note="of a test",
            expires_at=None if seconds is None else now + seconds * 1000,
            who=called,
            now=now,
        )

    site.write(unit)
    return secret


@pytest.fixture
def calling() -> Iterator[Calling]:
    """`calling(site, Role.OWNER)` gives a client of `/api` with a token; without a role it sends none."""
    with ExitStack() as stack:

        def client(
            site: Served, *roles: Role, scopes: frozenset[Permission] | None = None, name: str = "", token: str = ""
        ) -> httpx2.Client:
            secret = token or (token_for(site, *roles, scopes=scopes, name=name) if roles else "")
            headers = {"authorization": f"Bearer {secret}"} if secret else {}
            return stack.enter_context(httpx2.Client(base_url=f"{site.url}/api", headers=headers, timeout=30))

        yield client
