"""Accounts with passwords for tests, and browsers that sign in with them."""

from __future__ import annotations

from contextlib import ExitStack

import httpx2
import pyotp
from tests.gateway.served import Served

from zhengming.accounts import passwords, second_factor, staff
from zhengming.accounts.staff import StaffMember
from zhengming.core.words import Role
from zhengming.store import Tx

PASSWORD = "four unrelated little words"
ENCODED = passwords.encode_now(PASSWORD)


def make(site: Served, name: str = "Ann", *roles: Role, language: str = "en") -> StaffMember:
    """Make an account that signs in with PASSWORD."""
    now, given = site.gateway.clock(), roles or (Role.OWNER,)
    return site.write(
        lambda tx: staff.create(tx, name, password=ENCODED, roles=given, who="a test", now=now, language=language)
    )


def set_up_factor(site: Served, member: StaffMember) -> tuple[pyotp.TOTP, list[str]]:
    """Give an account a second factor whose first code lies well in the past; return it and the recovery codes."""
    secret, codes, vault = second_factor.new_secret(), second_factor.new_codes(), site.gateway.vault
    totp, then = pyotp.TOTP(secret), site.gateway.clock() - 600_000

    def unit(tx: Tx) -> bool:
        second_factor.begin(tx, vault, member.id, secret=secret)
        return second_factor.confirm(
            tx, vault, member.id, totp.at(then // 1000), recovery=codes, who=member.name, now=then
        )

    assert site.write(unit)
    return totp, codes


class Browsers:
    """Clients that keep cookies and follow nothing; each comes from a network of its own when told so."""

    def __init__(self, site: Served, stack: ExitStack) -> None:
        self._site, self._stack = site, stack

    def new(self, address: str = "", **headers: str) -> httpx2.Client:
        """Open a browser. `address` is that of the person, as a proxy on this machine would name it."""
        given = {"sec-fetch-site": "same-origin", **headers}
        if address:
            given["x-forwarded-for"] = address
        return self._stack.enter_context(httpx2.Client(base_url=self._site.url, headers=given, timeout=30))

    def signed_in(self, name: str = "Ann", address: str = "") -> httpx2.Client:
        """Open a browser and sign in by password."""
        client = self.new(address)
        answer = sign_in(client, name)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        return client


def sign_in(client: httpx2.Client, name: str = "Ann", password: str = PASSWORD, **more: str) -> httpx2.Response:
    """Send the form of the sign-in page."""
    return client.post("/sign-in", data={"name": name, "password": password, **more})
