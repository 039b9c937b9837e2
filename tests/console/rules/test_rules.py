"""Rules in the console: read, filtered, and tried on a text that is kept nowhere."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from tests.console.conftest import SignIn
from tests.gateway.conftest import Serve
from tests.gateway.served import Served

from zhengming.console.rules.notes import note_of
from zhengming.core.words import Category, Role, Surface
from zhengming.screen.defaults import load_default_library

PHONE = "请打我的电话 13800138000。"


def test_rules_are_narrowed_by_category_kind_and_text(embedded: Served, sign_in: SignIn) -> None:
    reviewer = sign_in(embedded, Role.REVIEWER)
    every = load_default_library().rules
    fraud = [rule.id for rule in every if rule.category is Category.FRAUD and not rule.expression]

    page = reviewer.get("/rules", params={"category": "fraud", "kind": "literals"}).text

    assert all(f'href="/rules/{name}"' in page for name in fraud)
    assert "/rules/privacy." not in page
    assert "/rules/fraud.safe_account" in reviewer.get("/rules", params={"q": "SAFE_ACC"}).text
    assert "No rule fits" in reviewer.get("/rules", params={"q": "<b>nothing"}).text


def test_every_rule_that_ships_says_what_it_is_for_in_both_languages(embedded: Served, sign_in: SignIn) -> None:
    for rule in load_default_library().rules:
        assert not re.search(r"[\u4e00-\u9fff]", note_of(rule, "en"))
        assert re.search(r"[\u4e00-\u9fff]", note_of(rule, "zh-CN"))

    page = sign_in(embedded, Role.AUDITOR, language="zh-CN").get("/rules/fraud.loan").text
    assert "虚假贷款" in page
    assert "Sham loans" not in page
    assert "电话号码已隐去" in sign_in(embedded, Role.AUDITOR, language="zh-CN").get("/rules/privacy.mobile").text


def test_a_long_list_has_pages(embedded: Served, sign_in: SignIn) -> None:
    owner = sign_in(embedded, Role.OWNER)

    assert "/rules?start=50" in owner.get("/rules").text
    assert "/rules?start=0" in owner.get("/rules", params={"start": "50"}).text
    assert owner.get("/rules", params={"start": "x"}).status_code == 200


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_rule_in_force_has_its_page(embedded: Served, sign_in: SignIn, language: str) -> None:
    owner = sign_in(embedded, Role.OWNER, language=language)
    ruling = embedded.gateway.rules.ruling
    names = [rule.id for rule in ruling.matcher.rules.rules[::9]] + [one.id for one in ruling.scorers]

    for name in names:
        page = owner.get(f"/rules/{name}")
        assert page.status_code == 200, name
        assert f"/turns?rule={name}" in page.text
    assert owner.get("/rules/no.such.rule").status_code == 404


def test_a_rule_says_how_often_it_spoke_lately_and_leads_to_those_turns(embedded: Served, sign_in: SignIn) -> None:
    say = embedded.client().chat.completions.create
    for _ in range(2):
        say(model="zhengming-rehearsal", messages=[{"role": "user", "content": PHONE}])
    embedded.settled()
    owner = sign_in(embedded, Role.OWNER)

    found = re.search(
        r'class="stat-value" href="(/turns\?rule=privacy\.mobile&amp;from=[0-9]+)">2<',
        owner.get("/rules/privacy.mobile").text,
    )

    assert found is not None
    turns = {row[0] for row in embedded.rows("SELECT id FROM turn")}
    page = owner.get(html.unescape(found[1])).text
    assert all(one in page for one in turns)
    assert 'class="stat-value"' in owner.get("/rules/fraud.loan").text


@pytest.mark.parametrize("surface", list(Surface))
def test_the_policy_is_a_table_for_each_surface(embedded: Served, sign_in: SignIn, surface: Surface) -> None:
    page = sign_in(embedded, Role.AUDITOR, language="zh-CN").get("/policy", params={"surface": surface})

    assert page.status_code == 200
    for category in Category:
        assert f"/rules?category={category.value}" in page.text


def test_a_text_is_judged_as_it_would_be_on_a_surface_for_an_audience(embedded: Served, sign_in: SignIn) -> None:
    page = sign_in(embedded, Role.REVIEWER).post("/try", data={"text": PHONE, "surface": "output", "audience": "adult"})

    assert page.status_code == 200
    assert '<mark class="redact"' in page.text
    assert "13800138000<span" in page.text
    assert "privacy." in page.text


def test_a_text_that_is_tried_is_kept_nowhere(
    embedded: Served, sign_in: SignIn, capfd: pytest.CaptureFixture[str]
) -> None:
    reviewer = sign_in(embedded, Role.REVIEWER)
    before = embedded.rows("SELECT count(*) FROM ledger_entry")
    reviewer.post("/try", data={"text": "A SENTENCE 13800138000", "surface": "input", "audience": "child"})

    assert embedded.rows("SELECT count(*) FROM ledger_entry") == before
    assert embedded.rows("SELECT count(*) FROM turn") == [(0,)]
    out = capfd.readouterr()
    assert "A SENTENCE" not in out.out + out.err


@pytest.mark.parametrize(
    ("text", "surface", "status"), [("", "output", 422), ("a" * 10_001, "output", 422), ("a", "moon", 400)]
)
def test_what_cannot_be_tried_is_told(embedded: Served, sign_in: SignIn, text: str, surface: str, status: int) -> None:
    answer = sign_in(embedded, Role.OWNER).post("/try", data={"text": text, "surface": surface, "audience": "adult"})

    assert answer.status_code == status


def test_hostile_text_stays_text(embedded: Served, sign_in: SignIn) -> None:
    text = "<script>alert(1)</script> 13800138000 \u202e"
    page = sign_in(embedded, Role.OWNER).post("/try", data={"text": text, "surface": "output", "audience": "adult"})

    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


def test_rules_of_the_operator_are_told_from_the_starter_library_and_a_broken_file_is_shown(
    serve: Serve, sign_in: SignIn, tmp_path: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("- {id: own.word, category: spam, severity: 2, literals: [buy this now]}\n", encoding="utf-8")
    site = serve(rules=(str(own),))
    owner = sign_in(site, Role.OWNER)

    page = owner.get("/rules", params={"source": "own"}).text
    assert "/rules/own.word" in page
    assert "1 rule" in page

    own.write_text("- {id: own.word, category: nonsense}\n", encoding="utf-8")
    site.run(site.gateway.rules.refresh(force=True))
    page = owner.get("/rules").text
    assert "the version before it stays in force" in page
    assert "nonsense" in page
