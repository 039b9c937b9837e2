"""The reference page of what ships is fresh and spares its readers."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import cast

from zhengming.core.words import Category
from zhengming.screen.defaults import load_default_library, load_default_scorers
from zhengming.screen.validators import VALIDATORS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "rules.md").read_text("utf-8")
RULES = load_default_library().rules


def test_the_page_is_what_its_script_makes_today() -> None:
    page = cast("Callable[[], str]", runpy.run_path(str(ROOT / "scripts" / "make_rules_page.py"))["page"])
    assert page() == PAGE, "run scripts/make_rules_page.py"


def test_every_rule_validator_scorer_and_category_stands_on_the_page() -> None:
    names = [rule.id for rule in RULES] + [scorer.id for scorer in load_default_scorers()] + [*VALIDATORS, *Category]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_the_page_shows_no_phrase_of_a_distressing_category() -> None:
    hard = {Category.SELF_HARM, Category.SEXUAL, Category.SEXUAL_MINORS, Category.WEAPONS_DRUGS, Category.ILLICIT_AI}
    literals = [literal for rule in RULES if rule.category in hard for literal in rule.literals]
    assert [literal for literal in literals if literal in PAGE] == []
