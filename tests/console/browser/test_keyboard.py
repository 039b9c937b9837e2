"""The main tasks by the keyboard alone; a check that is reloaded; quote marks of the reader's own script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.console.browser.conftest import DESK, PHONE, Open

MOST = 120
"""So many times Tab is pressed at most until something is reached."""


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what has the focus matches."""
    for _ in range(MOST):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    message = f"Tab does not reach {selector}"
    raise AssertionError(message)


@pytest.mark.parametrize(("language", "width", "turns"), [("en", DESK, "turns"), ("zh-CN", PHONE, "对话轮次")])
def test_the_keyboard_alone_leads_from_the_palette_to_a_verified_turn(
    open_page: Open, language: str, width: int, turns: str
) -> None:
    page = open_page("/", language=language, width=width)
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-query")).to_be_focused()
    page.keyboard.insert_text(turns)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/turns$"))

    page.keyboard.press("/")
    expect(page.locator("main .toolbar [name=from]")).to_be_focused()
    tab_to(page, "[name=outcome]")
    while page.locator("[name=outcome]").input_value() != "stopped":
        page.keyboard.press("ArrowDown")
    page.wait_for_url(re.compile(r"/turns\?outcome=stopped$"))
    expect(page.locator("[name=outcome]")).to_be_focused()
    rows = page.locator("#rows tbody tr")
    expect(rows.locator(".badge.ok", has_text=re.compile("Served|已完成"))).to_have_count(0)

    tab_to(page, "main .actions a, main .scroll, main td a")
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    chosen = rows.first.locator("a").first
    expect(chosen).to_be_focused()
    there = chosen.get_attribute("href") or "missing"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"{there}$"))

    tab_to(page, "textarea[name=why]")
    page.keyboard.insert_text("complaint 4711")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/texts\?reveal="))
    expect(page.locator("mark.stop").first).to_be_visible()
    tab_to(page, f"main a[href='{there}']")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"{there}$"))

    tab_to(page, "#verify")
    page.keyboard.press("Enter")
    expect(page.locator("#proof .notice.ok")).to_be_visible()
    expect(page.locator("#verify")).to_be_focused()
    expect(page).to_have_url(re.compile(f"{there}$"))


def test_a_check_that_is_reloaded_leads_to_its_turn(open_page: Open) -> None:
    page = open_page("/turns", java_script_enabled=False)
    page.locator("#rows tbody a").first.click()
    turn = page.url
    page.locator("#verify").click()
    expect(page.locator("#proof .notice.ok")).to_be_visible()
    page.goto(page.url.partition("#")[0])

    assert page.url == f"{turn}#proof"


@pytest.mark.parametrize(("language", "chinese"), [("en", False), ("zh-CN", True)])
def test_quote_marks_come_from_a_font_of_the_readers_script(open_page: Open, language: str, *, chinese: bool) -> None:
    page = open_page("/turns", language=language)
    page.evaluate("document.querySelector('h1').textContent = '“”‘’'")
    page.evaluate("document.fonts.ready.then(() => true)")
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": "h1"})["nodeId"]
    fonts: list[dict[str, Any]] = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]

    assert [bool(re.search("CJK|Song|宋|Sim", font["familyName"])) for font in fonts] == [chinese]
