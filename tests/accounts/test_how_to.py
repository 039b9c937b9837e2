"""Every command line of the how-to pages of this package runs as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zhengming.accounts import profiles, service
from zhengming.accounts.opening import opened
from zhengming.app.cli import GROUPS, build

DOCS = Path(__file__).resolve().parents[2] / "docs" / "how-to"
ASSIGNMENT = re.compile(r"(\w+)=\$\((.+)\)")


def commands(page: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.parametrize("page", ["switches.md", "services-and-keys.md", "staff-and-sign-in.md"])
def test_the_commands_of_a_page_run_one_after_the_other(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHENGMING_DATA", str(tmp_path))
    with opened(tmp_path) as store:
        store.write_sync(lambda tx: service.ensure_default(tx, 1))
    names: dict[str, str] = {}
    lines = commands(page)
    assert len(lines) >= 2
    for line in lines:
        assigned = ASSIGNMENT.fullmatch(line)
        text = re.sub(r"\$\{?(\w+)\}?", lambda found: names[found[1]], assigned[2] if assigned else line)
        program, *words = shlex.split(text)
        assert program == "zhengming"
        result = CliRunner().invoke(build(GROUPS), words)
        assert result.exit_code == 0, (line, result.output)
        if assigned:
            names[assigned[1]] = result.stdout.strip()


def test_every_field_of_a_profile_is_on_the_page() -> None:
    page = (DOCS / "services-and-keys.md").read_text(encoding="utf-8")
    profile = profiles.from_json({"name": "a"}).to_json()
    for name, value in profile.items():
        if name in ("label", "limits"):
            for inner in value:
                assert f"`{name}.{inner}`" in page, inner
        elif name != "id":
            assert f"`{name}`" in page or f"`{name}." in page, name
