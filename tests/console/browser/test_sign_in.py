"""Signing in with a password and a second factor, by keyboard alone, and what the page in between looks like."""

from __future__ import annotations

import time

import pyotp
import pytest
from playwright.sync_api import expect
from tests.console.browser.conftest import DESK, PHONE, SCREENS, Open
from tests.console.browser.test_every_page import faults_of, overflow
from tests.gateway.served import Served

from zhengming.accounts import passwords, second_factor, staff
from zhengming.core.words import Role
from zhengming.store import Tx

PASSWORD = "plum blossom over still water"


def enrolled(site: Served, name: str, language: str) -> str:
    """Make an account with a second factor and return the factor's secret."""
    secret, now = second_factor.new_secret(), int(time.time() * 1000)
    encoded, vault = passwords.encode_now(PASSWORD), site.gateway.vault
    first = pyotp.TOTP(secret).at(now / 1000 - 30)  # the step before, so that the present one is still unused

    def unit(tx: Tx) -> bool:
        member = staff.create(tx, name, password=encoded, roles=[Role.REVIEWER], who="Lin", now=now, language=language)
        second_factor.begin(tx, vault, member.id, secret=secret)
        return second_factor.confirm(tx, vault, member.id, first, recovery=[], who=name, now=now)

    assert site.write(unit)
    return secret


@pytest.mark.parametrize(("language", "theme", "width"), [("zh-CN", "dark", PHONE), ("en", "light", DESK)])
def test_somebody_signs_in_with_a_code_by_keyboard_alone(
    site: Served, open_page: Open, language: str, theme: str, width: int
) -> None:
    name = f"code-{language}"
    secret = enrolled(site, name, language)
    page = open_page("/sign-in?next=/turns", language=language, theme=theme, width=width, roles=())

    page.locator("input[name=name]").focus()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/code**")
    page.screenshot(path=SCREENS / f"sign-in-code.{language}.{theme}.{width}.png", full_page=True)
    faults, excess = faults_of(page), overflow(page)
    page.locator("input[name=code]").focus()
    page.keyboard.type(pyotp.TOTP(secret).now())
    page.keyboard.press("Enter")

    page.wait_for_url("**/turns")
    expect(page.locator("h1")).to_be_visible()
    assert faults == []
    assert excess <= 0
