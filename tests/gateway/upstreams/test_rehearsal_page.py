"""The reference page of the rehearsal says what the rehearsal does."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import cast

from zhengming.gateway.upstreams import REHEARSALS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reference" / "rehearsal.md").read_text("utf-8")


def test_the_page_is_up_to_date() -> None:
    page = cast("Callable[[], str]", runpy.run_path(str(ROOT / "scripts" / "make_rehearsal_page.py"))["page"])
    assert page() == PAGE, "run scripts/make_rehearsal_page.py"


def test_every_rehearsal_stands_on_it_in_both_languages() -> None:
    for rehearsal in REHEARSALS:
        assert rehearsal.prompt["zh"] in PAGE
        assert rehearsal.prompt["en"] in PAGE
