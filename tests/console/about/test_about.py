"""The page about the installation says what it is, what it covers, and what it is made of."""

from __future__ import annotations

import pytest
from tests.console.conftest import SignIn
from tests.gateway.served import Served

from zhengming import __version__
from zhengming.console.about.parts import installed, vendored
from zhengming.core.words import Role


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("role", [Role.OWNER, Role.REVIEWER])
def test_everybody_on_staff_may_read_what_is_covered(
    embedded: Served, sign_in: SignIn, role: Role, language: str
) -> None:
    page = sign_in(embedded, role, language=language).get("/about")

    assert page.status_code == 200
    assert __version__ in page.text
    assert "SQLite" in page.text
    assert "/rules?category=self_harm&amp;source=starter" in page.text
    assert {"en": "political opinion", "zh-CN": "不评判政治观点"}[language] in page.text


def test_every_part_names_its_version_and_its_licence() -> None:
    found = {part.name: part for part in (*installed(), *vendored())}

    assert {"starlette", "jinja2", "aiohttp", "anyio", "htmx.min.js"} <= found.keys()
    assert [part for part in found.values() if not part.licence or not part.version] == []
    assert "zhengming" not in found
