"""A newcomer's first visit: the printed link, a chat, the turn behind it, why it was stopped, and its proof."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.console.browser.conftest import DESK, PHONE, SCREENS, Looked
from tests.gateway.served import Served, serving

from zhengming.accounts import links
from zhengming.app.settings import Settings
from zhengming.gateway.upstreams.rehearsal.catalogue import REHEARSALS

PASSWORD = "plum blossom over still water"
PROMPTS = {one.id: one.prompt for one in REHEARSALS}
LABEL = {"zh-CN": "内容由AI生成", "en": "AI-generated content"}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Served]:
    """A console that nobody has opened yet."""
    with serving(Settings(data=tmp_path / "data", port=0, durability="normal", poll_seconds=0.05)) as served:
        yield served


def welcome(site: Served) -> str:
    """The address that `make run` prints."""
    secret, now = links.new_secret(), site.gateway.clock()
    assert site.write(lambda tx: links.first_owner(tx, secret=secret, now=now))
    return links.path_of(links.FIRST_OWNER, secret)


@pytest.mark.parametrize(("language", "width"), [("zh-CN", PHONE), ("en", DESK), ("en", PHONE), ("zh-CN", DESK)])
def test_a_newcomer_chats_sees_what_happened_and_verifies_the_proof(
    fresh: Served, browser: Browser, language: str, width: int
) -> None:
    looked = Looked()
    context = browser.new_context(
        base_url=fresh.url, locale=language, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    looked.watch(context)
    page = context.new_page()
    shots = SCREENS.parent / "newcomer"

    page.goto(welcome(fresh))
    page.locator("input[name=name]").fill("lin")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=again]").fill(PASSWORD)
    page.locator("main form.card button[type=submit]").click()
    page.locator("main a[href^='/playground']").first.click()
    page.wait_for_url(re.compile("/playground"), wait_until="load")  # its script makes Enter send

    key = "zh" if language == "zh-CN" else "en"
    labelled = _say(page, "春天有什么花？" if key == "zh" else "Which flowers bloom in spring?")
    expect(labelled).to_contain_text(LABEL[language])
    redacted = _say(page, PROMPTS["redact"][key])
    expect(redacted.locator("[data-mask], mark, .play-mask").first).to_be_visible()
    stopped = _say(page, PROMPTS["stop"][key])
    page.screenshot(path=shots / f"chat.{language}.{width}.png", full_page=True)

    stopped.locator("a[href^='/turns/']").first.click()
    page.wait_for_url(re.compile(r"/turns/[0-9a-f-]{36}"))
    rule = page.locator("table.data a[href^='/rules']").first
    expect(rule).to_be_visible()
    assert (rule.text_content() or "").strip(), "the page names the rule"
    page.screenshot(path=shots / f"turn.{language}.{width}.png", full_page=True)

    page.locator("form[action*='/verify'] button").click()
    expect(page.locator("#proof")).to_contain_text("✓")
    expect(page.locator("#proof")).not_to_contain_text("✗")
    page.screenshot(path=shots / f"proof.{language}.{width}.png", full_page=True)
    context.close()

    assert looked.faults == []


def _say(page: Page, text: str) -> Locator:
    """Send a message with the keyboard and return the answer once its turn is closed."""
    answers = page.locator("[data-log] > li.is-ai")
    before = answers.count()
    box = page.locator("textarea[name=said]")
    box.fill(text)
    box.press("Enter")
    expect(answers).to_have_count(before + 1)
    answer = answers.nth(before)
    expect(answer.locator("a[href^='/turns/']").first).to_be_visible()
    return answer
