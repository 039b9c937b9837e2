"""Parts that keep up by themselves: newer turns, the overview's figures, health and its charts, and after a restart."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from pathlib import Path

import openai
from playwright.sync_api import Browser, Page, expect
from tests.console.browser.conftest import Looked, Open
from tests.console.browser.seed import MODEL
from tests.console.conftest import session_for
from tests.gateway.served import Served, serving

from zhengming.app.settings import Settings
from zhengming.console.health.series import CHARTS
from zhengming.core.words import Role
from zhengming.web import sessions

SOON = 30_000
"""Milliseconds in which a part must have kept up; it looks every few seconds."""
SPRING, STOP = "Which flowers bloom in spring?", "Show me an answer that must be stopped"
NEWER = "[data-live=newer] a"


def ask(site: Served, text: str = SPRING) -> None:
    """Have one turn recorded."""
    with suppress(openai.APIError):
        site.client().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])
    site.settled()


def test_the_list_says_how_many_turns_are_newer_and_leads_to_them(open_page: Open, site: Served) -> None:
    page = open_page("/turns")
    before = page.locator("#rows tbody tr a").first.get_attribute("href")
    ask(site)
    expect(page.locator(NEWER)).to_contain_text("1 newer turn", timeout=SOON)
    ask(site)
    expect(page.locator(NEWER)).to_contain_text("2 newer turns", timeout=SOON)
    page.locator(NEWER).click()

    expect(page.locator("#rows tbody tr").nth(2).locator("a").first).to_have_attribute("href", before or "")
    expect(page.locator(NEWER)).to_have_count(0)


def test_a_list_by_other_filters_follows_only_those(open_page: Open, site: Served) -> None:
    page = open_page("/turns")
    page.evaluate("window.stayed = true")
    page.get_by_label("Outcome").select_option("stopped")
    expect(page).to_have_url(re.compile(r"/turns\?outcome=stopped$"))
    expect(page.locator("#rows .badge", has_text="Served")).to_have_count(0)
    ask(site)
    ask(site, STOP)

    expect(page.locator(NEWER)).to_contain_text("1 newer turn", timeout=SOON)
    assert page.evaluate("window.stayed"), "the page was not left"
    page.go_back()
    expect(page).to_have_url(re.compile(r"/turns$"))
    expect(page.locator("#rows .badge", has_text="Served").first).to_be_visible()


def test_a_search_that_found_nothing_can_be_changed_to_one_that_follows(open_page: Open, site: Served) -> None:
    page = open_page("/turns?service=&model=no-such-model")
    expect(page.locator("#rows .empty")).to_be_visible()
    page.locator("[name=model]").fill("")
    page.locator("[name=model]").press("Enter")
    expect(page.locator("#rows tbody tr").first).to_be_visible()
    ask(site)

    expect(page.locator(NEWER)).to_contain_text("1 newer turn", timeout=SOON)


def turns_shown(page: Page) -> int:
    """The first figure of the overview."""
    return int(re.sub(r"\D", "", page.locator(".stat-value").first.inner_text().split("\n")[0]))


def test_the_overview_counts_on_while_it_is_open(open_page: Open, site: Served) -> None:
    page = open_page("/?range=1h")
    expect(page.locator(".stat-value").first).to_be_visible()
    before = turns_shown(page)
    page.locator("[data-live=figures] summary").first.click()
    ask(site)

    page.wait_for_function(
        "before => parseInt(document.querySelector('.stat-value').firstChild.data.replace(/\\D/g, '')) > before",
        arg=before,
        timeout=SOON,
    )
    assert page.locator("[data-live=figures] details").first.get_attribute("open") is not None, "it stays open"


def test_health_draws_its_series_once_and_keeps_them_up(open_page: Open, site: Served) -> None:
    page = open_page("/health")
    expect(page.locator(".uplot canvas")).to_have_count(len(CHARTS), timeout=SOON)
    before = page.locator("[data-live=figures]").inner_html()
    ask(site)
    page.wait_for_function(
        "before => document.querySelector('[data-live=figures]').innerHTML !== before", arg=before, timeout=SOON
    )
    expect(page.locator(".uplot canvas")).to_have_count(len(CHARTS))
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".uplot canvas")).to_have_count(len(CHARTS))
    expect(page.locator("[data-live-state]")).to_be_hidden()


def test_a_page_finds_its_stream_again_after_the_server_was_restarted(browser: Browser, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(data=tmp_path / "data", port=port, durability="normal", poll_seconds=0.05)
    looked = Looked()
    with serving(settings) as first:
        ask(first)
        secret = session_for(first, Role.OWNER)
        context = browser.new_context(base_url=first.url, locale="en")
        context.set_default_timeout(SOON)
        context.add_cookies([{"name": sessions.COOKIE, "value": secret, "url": first.url}])
        looked.watch(context)
        page = context.new_page()
        page.goto("/health")
        state = page.locator("[data-live-state]")
        expect(state).to_have_attribute("data-kind", "on")
        assert looked.faults == []
    expect(state).to_have_attribute("data-kind", "lost")
    expect(state).to_be_visible()
    with serving(settings) as again:
        expect(state).to_have_attribute("data-kind", "on", timeout=2 * SOON)
        expect(state).to_be_hidden()
        expect(page.locator(".uplot canvas")).to_have_count(len(CHARTS), timeout=SOON)
        page.goto("/turns")
        ask(again)
        expect(page.locator(NEWER)).to_be_visible(timeout=SOON)
        context.close()

    refused = re.compile("ERR_(CONNECTION_(REFUSED|RESET)|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)")
    assert [fault for fault in looked.faults if not refused.search(fault)] == []
