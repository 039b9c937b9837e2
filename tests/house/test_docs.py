"""The pages that are made from the code are up to date, and no page leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("script", ["make_docs.py", "compile_catalogues.py"])
def test_what_is_made_from_the_code_is_up_to_date(script: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(ROOT / "scripts" / script), "--check"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    place = ROOT / page
    targets = LINK.findall(re.sub(r"```.*?```", "", place.read_text(encoding="utf-8"), flags=re.DOTALL))
    lost = [target for target in targets if "://" not in target and not (place.parent / target).exists()]

    assert lost == []


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs" / "adr").glob("*.md")))
def test_a_decision_record_ends_with_its_decision(page: str) -> None:
    text = (ROOT / "docs" / "adr" / page).read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert headings[-1].startswith("Decision"), f"{page} ends with {headings[-1:]}"


def test_nothing_committed_holds_a_path_of_the_machine_it_was_made_on() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()  # noqa: S607 - git of the path
    here = str(ROOT)
    found = [
        name
        for name in listed
        if name.endswith((".md", ".py", ".sh", ".toml", ".yaml", ".json", "Makefile", "run"))
        and here in (ROOT / name).read_text(encoding="utf-8")
    ]

    assert found == []
