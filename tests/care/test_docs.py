"""What care does is written down: the table of who wins, the thresholds, the numbers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from zhengming.care.hotlines import load_hotlines
from zhengming.care.thresholds import load_thresholds

ROOT = Path(__file__).resolve().parents[2]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_who_wins", ROOT / "scripts" / "draw_who_wins.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_table_of_today() -> None:
    assert script().main(["--check"]) == 0


def test_a_page_with_another_table_is_found_out_of_date() -> None:
    module = script()
    page: str = module.PAGE.read_text("utf-8")
    assert module.drawn(page.replace("care.plan", "care.old")) == page
    assert len(page.splitlines()) > len(module.TABLE) + 20


def test_the_page_about_care_names_version_thresholds_and_every_number() -> None:
    page = (ROOT / "docs" / "explanation" / "care.md").read_text("utf-8")
    assert load_thresholds().version in page
    for record in load_hotlines().records:
        assert record.number in page, record.id
        assert str(record.checked) in page
