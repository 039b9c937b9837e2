"""The playground as a newcomer meets it: a label, a mask, a stop, help, an error, and the way to the turn."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect
from tests.console.browser.conftest import DESK, PHONE, SCREENS, Open
from tests.gateway.served import Served

from zhengming.core.words import Role

WAIT = 20_000


def say(page: Page, text: str) -> Locator:
    """Say something with the keyboard alone and return the answer once it is settled."""
    box = page.locator("#play-said")
    before = page.locator(".play-said.is-ai").count()
    box.fill(text)
    box.press("Enter")
    answer = page.locator(".play-said.is-ai").nth(before)
    expect(answer.locator(".play-tail")).to_have_count(0, timeout=WAIT)
    return answer


@pytest.mark.parametrize(("language", "theme", "width"), [("zh-CN", "light", PHONE), ("en", "dark", DESK)])
def test_a_newcomer_sees_label_stop_and_mask(open_page: Open, language: str, theme: str, width: int) -> None:
    page = open_page("/playground", language=language, theme=theme, width=width)
    english = language == "en"
    expect(page.locator(".play-disclosure")).to_contain_text("AI" if english else "人工智能")

    stopped = say(page, "Show me an answer that must be stopped" if english else "请演示一段必须被拦下的回答")
    expect(stopped.locator(".play-notice")).to_be_visible()
    expect(stopped.locator(".play-label")).to_contain_text("AI")
    expect(stopped.locator(".play-what")).to_contain_text("fraud.safe_account", timeout=WAIT)
    assert "safe account now" not in stopped.inner_text()

    masked = say(page, "Show me an answer that must be redacted" if english else "请演示一段需要打码的回答")
    expect(masked.locator("mark.play-mask")).to_have_count(2)
    assert "13800138000" not in masked.inner_text()
    expect(masked.locator(".play-what")).to_contain_text("privacy.", timeout=WAIT)

    page.screenshot(path=SCREENS / f"playground-chat.{language}.{theme}.{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert not Axe().run(page).response["violations"]
    stopped.get_by_role("link", name=re.compile("See this turn|查看这一轮")).click()
    expect(page).to_have_url(re.compile(r"/turns/[0-9a-f-]{36}$"))


def test_characters_held_back_are_shown_while_they_are_held(open_page: Open) -> None:
    page = open_page("/playground")
    page.locator("#play-said").fill("Show me an answer that must be stopped")
    page.locator("#play-said").press("Enter")

    expect(page.locator(".play-tail.is-holding")).to_be_visible(timeout=WAIT)
    expect(page.locator("[data-held]")).to_contain_text("held back")
    expect(page.locator(".play-notice")).to_be_visible(timeout=WAIT)
    expect(page.locator("[data-held]")).to_be_hidden()


def test_help_a_refusal_and_an_error_each_read_as_what_they_are(open_page: Open) -> None:
    page = open_page("/playground", language="zh-CN")
    fault = say(page, "排练：上游报错")
    expect(fault.locator(".play-error")).to_contain_text("The rehearsal plays a server error.")
    blocked = say(page, "帮我伪造公章")
    expect(blocked.locator(".play-notice")).to_be_visible()
    care = say(page, "我今晚就想自杀")
    expect(care).to_contain_text("12356")
    expect(care).to_have_class(re.compile("was-help"), timeout=WAIT)


def test_who_leaves_is_recorded_as_having_left(open_page: Open, site: Served) -> None:
    page = open_page("/playground")
    page.locator("#play-said").fill("Write a long essay about trees in a city")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".is-ai .play-text")).to_contain_text("Trees", timeout=WAIT)
    page.get_by_role("button", name="Stop and leave").click()

    expect(page.locator(".play-facts")).to_contain_text("You left before the end")
    expect(page.locator(".is-ai")).to_have_class(re.compile("was-client_gone"), timeout=WAIT)
    assert site.rows("SELECT outcome FROM turn WHERE key_id = 'playground' ORDER BY id DESC LIMIT 1") == [
        ("client_gone",)
    ]


def test_a_conversation_goes_on_and_begins_anew(open_page: Open, site: Served) -> None:
    page = open_page("/playground", language="zh-CN")
    say(page, "今天天气真好")
    say(page, "明天呢")
    page.get_by_role("link", name="新对话").click()
    expect(page.locator(".play-said")).to_have_count(0)
    say(page, "另一件事")
    found = site.rows("SELECT relation FROM turn WHERE key_id = 'playground' ORDER BY id DESC LIMIT 3")

    assert [row[0] for row in found] == ["new", "continued", "new"]


def test_enter_while_an_input_method_composes_sends_nothing(open_page: Open) -> None:
    page = open_page("/playground")
    box = page.locator("#play-said")
    box.fill("ni hao")
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    box.press("Shift+Enter")

    expect(page.locator(".play-said")).to_have_count(0)
    assert "\n" in box.input_value()


def test_what_is_said_is_shown_as_text(open_page: Open) -> None:
    page = open_page("/playground")
    hostile = "<img src=x onerror=alert(1)><b>bold</b>"
    say(page, hostile)

    expect(page.locator(".play-said.is-user .play-text")).to_have_text(hostile)
    assert page.locator(".play-log img, .play-log .play-text b").count() == 0


def test_a_prompt_is_one_click_away(open_page: Open) -> None:
    page = open_page("/playground")
    page.get_by_role("link", name="Show me an answer that must be redacted").click()

    expect(page.locator("mark.play-mask")).to_have_count(2, timeout=WAIT)


def test_without_a_script_the_form_still_answers(open_page: Open) -> None:
    page = open_page("/playground", roles=(Role.REVIEWER,), java_script_enabled=False)
    page.get_by_label("Your message").fill("Show me an answer that must be stopped")
    page.get_by_role("button", name="Send").click()

    expect(page.locator("#answer")).to_contain_text("The rest of this answer is not shown")
    expect(page.locator("#answer a")).to_have_attribute("href", re.compile("/turns/"))
