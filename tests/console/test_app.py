"""The console's shell: what is served beside the gateway, and to whom."""

from __future__ import annotations

import pytest
from tests.console.conftest import SignIn
from tests.gateway.conftest import Serve
from tests.gateway.served import Served

from zhengming.core.words import Role


def test_an_address_that_leads_nowhere_says_so_as_a_page(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded, Role.OWNER).get("/nowhere")

    assert answer.status_code == 404
    assert "/nowhere" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_gateway_keeps_its_own_errors_on_its_own_paths(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded).get("/v1/nowhere")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_change_that_another_site_asks_for_is_refused(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded, Role.OWNER).post("/nowhere", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("language", "told", "elsewhere"), [("zh-CN", "暂时无法读取数据", "Sign in"), ("en", "cannot be reached", "登录")]
)
def test_while_the_database_is_away_every_page_says_so_in_the_readers_language(
    serve: Serve, sign_in: SignIn, language: str, told: str, elsewhere: str
) -> None:
    site = serve()
    owner = sign_in(site, Role.OWNER, language=language)
    path = next(site.data.glob("*.sqlite3"))
    away = path.with_suffix(".away")
    path.rename(away)
    try:
        pages = [owner.get(one, headers={"accept-language": language}) for one in ("/", "/ledger", "/nowhere")]
    finally:
        away.rename(path)

    assert [page.status_code for page in pages] == [503, 503, 404]
    assert told in pages[0].text
    assert elsewhere not in pages[0].text
    assert 'class="button primary" href="/ledger"' in pages[1].text
    assert "Traceback" not in pages[0].text
