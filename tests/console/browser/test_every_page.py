"""Every page, in both languages and themes, on a phone and on a desk: nothing complains, axe finds nothing, it fits."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from tests.console.browser.conftest import DESK, PHONE, SCREENS, Open
from tests.console.browser.places import OTHERWISE, place
from tests.gateway.served import Served

from zhengming.console.pages import PAGES

BESIDE = {"/api/docs"}  # it stands in no table: it is made with the management API
READ = sorted({page.path for page in PAGES if page.method == "GET"} - set(OTHERWISE) | BESIDE)
LOOKS = [
    pytest.param(language, theme, width, id=f"{language}-{theme}-{width}")
    for language, theme, width in (
        ("zh-CN", "light", PHONE),
        ("zh-CN", "dark", DESK),
        ("en", "dark", PHONE),
        ("en", "light", DESK),
        ("zh-CN", "light", DESK),
        ("zh-CN", "dark", PHONE),
        ("en", "light", PHONE),
        ("en", "dark", DESK),
    )
]


def faults_of(page: Page) -> list[str]:
    """What axe finds, one line a rule with the places."""
    found: Any = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


@pytest.mark.parametrize("path", READ)
def test_a_page_is_whole_in_every_language_theme_and_width(path: str, site: Served, open_page: Open) -> None:
    """One test a page, so that eight looks share one set of data."""
    wrong = []
    for look in LOOKS:
        language, theme, width = (str(look.values[0]), str(look.values[1]), int(str(look.values[2])))
        where, roles = place(site, path, language)
        page = open_page(where, language=language, theme=theme, width=width, roles=roles)
        page.wait_for_load_state("load")
        name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "overview"
        page.screenshot(path=SCREENS / f"{name}.{language}.{theme}.{width}.png", full_page=True)
        wrong += [f"{look.id}: {fault}" for fault in faults_of(page)]
        if (excess := overflow(page)) > 0:
            wrong.append(f"{look.id}: {excess} px wider than the window")
        if page.locator("html").get_attribute("lang") != language:
            wrong.append(f"{look.id}: the page says it is in {page.locator('html').get_attribute('lang')}")
        page.context.close()

    assert wrong == []


def test_what_is_not_looked_at_here_is_still_in_the_table() -> None:
    assert set(OTHERWISE) <= {page.path for page in PAGES}
