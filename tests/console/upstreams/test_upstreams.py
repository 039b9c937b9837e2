"""Upstreams in the console: what they are, how they fare, and never a key."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from tests.console.conftest import SignIn
from tests.gateway.conftest import Serve, write_upstream
from tests.gateway.served import Served

from zhengming.core.words import Role


def ask(site: Served) -> int:
    answer = httpx2.post(
        f"{site.url}/v1/chat/completions",
        headers=site.headers(),
        json={"model": "zhengming-rehearsal", "messages": [{"role": "user", "content": "hello"}]},
        timeout=30,
    )
    return answer.status_code


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_upstream_is_shown_with_its_counts(embedded: Served, sign_in: SignIn, language: str) -> None:
    assert ask(embedded) == 200

    page = sign_in(embedded, Role.AUDITOR, language=language).get("/upstreams")

    assert page.status_code == 200
    assert "HTTP 200" in page.text
    assert 'href="/turns?model=zhengming-rehearsal"' in page.text
    assert "connect-a-model.md" in page.text


def test_an_upstream_that_failed_too_often_says_what_to_do_and_never_its_key(
    serve: Serve,
    sign_in: SignIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZHENGMING_UPSTREAM_MAIN_KEY", "sk-very-secret")
    write_upstream(tmp_path / "data", "http://127.0.0.1:1/v1")
    site = serve(data=tmp_path / "data")
    for _ in range(6):
        ask(site)

    page = sign_in(site, Role.ENGINEER).get("/upstreams").text

    assert "left alone" in page
    assert "What you can do now" in page
    assert "upstream_refused" in page
    assert "http://127.0.0.1:1/v1" in page
    assert "sk-very-secret" not in page


def test_a_reviewer_does_not_see_upstreams(embedded: Served, sign_in: SignIn) -> None:
    assert sign_in(embedded, Role.REVIEWER).get("/upstreams").status_code == 403
