"""What a reader of labels can report is documented."""

from __future__ import annotations

from pathlib import Path

from zhengming.label.provider_code import CodeFault
from zhengming.label.reading import LabelFault, LabelRemark, LabelVerdict, explain
from zhengming.label.text import LABEL_LANGUAGES, wording

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_fault_and_remark_stands_on_the_reference_page_with_its_meaning() -> None:
    page = (DOCS / "reference" / "aigc-label.md").read_text("utf-8")
    for code in (*LabelFault, *LabelRemark):
        assert f"| `{code.value}` | {explain(code, 'en')} |" in page
    for other in (*CodeFault, *LabelVerdict):
        assert f"`{other.value}`" in page


def test_every_wording_stands_on_the_page_about_text_labels() -> None:
    page = (DOCS / "explanation" / "text-labels.md").read_text("utf-8")
    for language in LABEL_LANGUAGES:
        assert f"| `{language}` | {wording(language)} |" in page
