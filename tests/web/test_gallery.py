"""Every component in a browser: in both languages, both themes, on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from tests.console.browser.conftest import DESK, PHONE, SCREENS, Looked
from tests.console.conftest import session_for
from tests.gateway.served import Served

from zhengming.core.words import Role
from zhengming.web import sessions

Open = Callable[..., Page]


@pytest.fixture
def look(browser: Browser, gallery: Served) -> Iterator[Open]:
    """`look(path, language=, theme=, width=)` opens a page; in the end nothing may have been complained about."""
    looked = Looked()
    with ExitStack() as stack:

        def opened(
            path: str = "/gallery", *, language: str = "en", theme: str = "light", width: int = DESK, **options: Any
        ) -> Page:
            scheme: Any = theme
            context = browser.new_context(
                base_url=gallery.url,
                color_scheme=scheme,
                viewport={"width": width, "height": 800},
                locale=language,
                **options,
            )
            stack.callback(context.close)
            context.set_default_timeout(15_000)
            secret = session_for(gallery, Role.OWNER, language=language, name=f"gallery-{language}")
            context.add_cookies([{"name": sessions.COOKIE, "value": secret, "url": gallery.url}])
            looked.watch(context)
            page = context.new_page()
            page.goto(path)
            return page

        yield opened
    assert looked.faults == []


@pytest.mark.parametrize("width", [360, PHONE, DESK])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(look: Open, language: str, theme: str, width: int) -> None:
    page = look(language=language, theme=theme, width=width)
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"gallery-{language}-{theme}-{width}.png", full_page=True)
    page.click(".veil > summary")
    page.click(".chart details > summary")
    if width < DESK:
        page.click(".menu.phone > summary")

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_dialogs_are_clean_too(look: Open, theme: str) -> None:
    page = look(theme=theme)
    for key in ("Control+k", "?"):
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")


def test_the_palette_leads_to_a_page_and_to_a_turn(look: Open) -> None:
    page = look()
    page.keyboard.press("Control+k")
    page.keyboard.type("nothing is called so")
    assert page.locator(".palette-none").is_visible()
    page.locator("#palette-query").fill("0193 is not an id, 01935d1c-8f0e-7c6a-9d5b-2f1e8a7b6c5d is")
    assert page.locator("#palette-turn").get_attribute("aria-selected") == "true"
    page.locator("#palette-query").fill("lang")
    page.locator("#palette-query").fill("acco")
    page.locator("#palette-query").fill("staf")
    page.keyboard.press("Enter")
    page.wait_for_url("**/staff")


def test_keys_walk_the_rows_of_a_table(look: Open) -> None:
    page = look()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")

    assert page.locator("table.data tr.at").count() == 1
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/turns/1"


def test_keys_do_nothing_while_somebody_types(look: Open) -> None:
    page = look()
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.locator("#f-rule").fill("j?k")
    page.locator("#f-rule").press("j")

    assert page.locator("tr.at").count() == page.locator("dialog[open]").count() == 0


def test_filters_swap_only_the_rows_and_keep_the_address(look: Open) -> None:
    page = look()
    page.evaluate("document.body.dataset.same = 'yes'")
    page.locator("#f-rule").fill("privacy.phone")
    page.locator("#f-rule").press("Tab")
    page.get_by_text("The last of many turns of privacy.phone").wait_for()

    assert "rule=privacy.phone" in page.url
    assert page.evaluate("document.body.dataset.same") == "yes"


def test_the_theme_changes_at_once_and_is_kept(look: Open) -> None:
    page = look(language="en")
    button = page.locator(".top-end [data-theme-form] button")
    with page.expect_response("**/theme"):
        button.click()
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    page.reload()

    assert page.locator("html").get_attribute("data-theme") == "light"
    for kept in ("dark", "auto"):
        with page.expect_response("**/theme"):
            button.click()
        page.wait_for_function(f"document.documentElement.dataset.theme === '{kept}'")


def test_a_code_block_can_be_copied(look: Open) -> None:
    page = look(permissions=["clipboard-read", "clipboard-write"])
    page.locator("[data-copy]").click()
    page.get_by_text("Copied").wait_for()

    assert page.evaluate("navigator.clipboard.readText()").startswith("curl https://gateway.example")


def test_every_component_stands_without_javascript(look: Open) -> None:
    page = look(java_script_enabled=False)

    assert page.locator("[data-copy]").is_hidden()
    assert page.locator("[data-palette-open]").is_hidden()
    page.click(".veil > summary")
    assert page.locator(".veil .marked").is_visible()


def test_on_paper_there_is_no_menu_and_links_say_where_they_lead(look: Open) -> None:
    page = look()
    page.emulate_media(media="print")

    assert page.locator("nav.menu.desk").is_hidden()
    assert page.locator(".toolbar").is_hidden()
    assert page.locator(".foot").is_visible()
