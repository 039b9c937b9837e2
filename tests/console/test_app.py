"""The console's shell: what is served beside the gateway, and to whom."""

from __future__ import annotations

from tests.console.conftest import SignIn
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
