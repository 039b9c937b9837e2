"""What every answer carries, and what is not taken."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from tests.console.conftest import SignIn
from tests.gateway.conftest import Serve
from tests.gateway.served import Served

from zhengming.core.errors import ZhengmingError
from zhengming.core.words import Permission, Role
from zhengming.web.security import LARGEST_BODY, POLICY, BodyTooLargeError, Secured, comes_from_here, is_own_name


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://console.example", "host": "console.example"}, False),
        ({"origin": "https://console.example", "host": "console.example"}, True),
        ({"origin": "https://evil.example", "host": "console.example"}, False),
        ({"origin": "https://console.example.evil.example", "host": "console.example"}, False),
        ({"origin": "null", "host": "console.example"}, False),
    ],
)
def test_only_our_own_pages_and_no_browser_at_all_may_ask_for_changes(headers: dict[str, str], *, taken: bool) -> None:
    assert comes_from_here(Headers(headers)) is taken


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("", True),
        ("127.0.0.1:8600", True),
        ("192.0.2.7", True),
        ("[::1]:8600", True),
        ("localhost:8600", True),
        ("LOCALHOST.", True),
        ("console.example:443", True),
        ("Console.Example.", True),
        ("evil.example:8600", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("console.example.evil.example", False),
        ("evil.example/@console.example", False),
        ("[::1", False),
        ("2130706433", False),
    ],
)
def test_the_site_goes_by_its_addresses_and_its_names_only(host: str, *, own: bool) -> None:
    assert is_own_name(host, {"console.example"}) is own


def test_a_name_that_was_led_here_by_another_site_opens_no_page(serve: Serve) -> None:
    site = serve(console_address="https://console.example:8443/", console_hosts=("gate.example",))
    with httpx2.Client(base_url=site.url) as client:

        def status(path: str, host: str, method: str = "GET") -> int:
            return client.request(method, path, headers={"host": host, "sec-fetch-site": "same-origin"}).status_code

        assert status("/sign-in", "evil.example:8600") == 421
        assert status("/sign-in", "evil.example:8600", "POST") == 421
        assert "ZHENGMING_CONSOLE_HOSTS" in client.get("/sign-in", headers={"host": "evil.example"}).text
        assert status("/sign-in", "console.example") == status("/sign-in", "gate.example:80") == 200
        assert status("/static/style.css", "evil.example") == 200
        assert status("/api/overview", "gateway") == 401
        assert status("/healthz", "gateway") == status("/metrics", "gateway") == 200


def test_no_page_may_run_or_load_what_is_not_ours() -> None:
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'")
    for part in ("script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors"):
        assert part in POLICY


NAMES = ("console.example",)


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        body = await Request(scope, receive).body()
    except BodyTooLargeError as error:
        await PlainTextResponse(error.code, error.status)(scope, receive, send)
        return
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def refused(_request: Request, error: ZhengmingError) -> Response:
    return PlainTextResponse(error.code, error.status)


def asked(app: Secured) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://console.example")


async def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (LARGEST_BODY // 2)

    async with asked(Secured(reads_all, refused, names=NAMES)) as client:
        fits = await client.post("/", content=b"x" * LARGEST_BODY)
        told = await client.post("/", content=b"x" * (LARGEST_BODY + 1))
        untold = await client.post("/", content=chunks())
        nonsense = await client.post("/", headers={"content-length": "-1"})

    assert fits.text == str(LARGEST_BODY)
    assert (told.status_code, untold.status_code, nonsense.status_code) == (413, 413, 413)


async def test_https_is_demanded_for_ever_only_where_people_come_through_it() -> None:
    async with asked(Secured(reads_all, refused, names=NAMES, secure=True)) as client:
        assert "max-age" in (await client.get("/")).headers["strict-transport-security"]
    async with asked(Secured(reads_all, refused, names=NAMES)) as client:
        assert "strict-transport-security" not in (await client.get("/")).headers


@pytest.mark.parametrize(("language", "said"), [("en", "Another site asked"), ("zh-CN", "该变更由其他网站发起")])
def test_a_change_of_another_site_is_refused_in_the_readers_language(
    embedded: Served, sign_in: SignIn, language: str, said: str
) -> None:
    headers = {"sec-fetch-site": "cross-site", "accept-language": language}

    answer = sign_in(embedded, Role.OWNER, language=language).post("/sign-out", headers=headers)

    assert answer.status_code == 403
    assert said in answer.text
    assert answer.headers["content-security-policy"] == POLICY


def test_what_is_refused_of_the_api_is_told_to_programs(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded).post("/api/v1/anything", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "cross_site"


def test_a_page_for_others_names_the_missing_permission_in_words(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded, Role.REVIEWER, language="zh-CN").get("/staff")

    assert answer.status_code == 403
    assert "查看人员" in answer.text
    assert Permission.SEE_STAFF.meaning not in answer.text


def test_an_address_that_leads_nowhere_keeps_the_menu_of_whoever_asks(embedded: Served, sign_in: SignIn) -> None:
    known, stranger = sign_in(embedded, Role.OWNER).get("/nowhere"), sign_in(embedded).get("/nowhere")

    assert (known.status_code, stranger.status_code) == (404, 404)
    assert 'href="/ledger"' in known.text
    assert 'href="/ledger"' not in stranger.text


def test_hostile_addresses_are_shown_as_text(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded, Role.OWNER).get('/<script>alert(1)</script>?x="><img src=x>')

    assert answer.status_code == 404
    assert "<script>alert" not in answer.text
    assert "<img src=x>" not in answer.text


def test_a_method_that_a_page_does_not_take_is_told_with_those_it_takes(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded, Role.OWNER).get("/sign-out")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_head_gets_the_headers_of_a_page_and_no_body(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded)

    whole, head = client.get("/sign-in"), client.head("/sign-in")

    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]


@pytest.mark.parametrize(("language", "said"), [("en", "The records cannot be reached"), ("zh-CN", "暂时无法读取数据")])
def test_while_the_store_is_down_pages_say_so(serve: Serve, sign_in: SignIn, language: str, said: str) -> None:
    site = serve()
    client = sign_in(site, Role.OWNER, language=language)
    site.gateway.store.close()

    answer = client.get("/turns", headers={"accept-language": language})

    assert answer.status_code == 503
    assert said in answer.text
    assert client.get("/nowhere").status_code == 404
