"""What other sites and hostile people send: cross-site changes, planted HTML, headers, log lines, addresses."""

from __future__ import annotations

import re
import socket
import sqlite3
from functools import partial
from urllib.parse import urlsplit

import pytest
import structlog
from starlette.requests import Request
from tests.console.api.conftest import token_for
from tests.console.people import PASSWORD, Browsers, make, sign_in
from tests.gateway.conftest import Serve
from tests.gateway.served import Served

from zhengming.accounts import staff
from zhengming.app.serve import configure_logs
from zhengming.console.api.problems import answer_any
from zhengming.console.app import TEMPLATES
from zhengming.console.context import Console, Facts
from zhengming.console.errors import answer_error
from zhengming.core.words import Role
from zhengming.gateway.asgi import GatewayApp
from zhengming.gateway.refusals import readable
from zhengming.store.errors import translated
from zhengming.web import forms, language, sessions
from zhengming.web.rendering import Renderer

# The rule of Go 1.25: Sec-Fetch-Site decides where it is sent; else Origin must be our host; neither: no browser.
CROSS = [
    ({"sec-fetch-site": "same-origin"}, True),
    ({"sec-fetch-site": "none"}, True),
    ({"sec-fetch-site": "same-site"}, False),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "nonsense"}, False),
    ({"sec-fetch-site": ""}, False),
    ({"sec-fetch-site": "cross-site", "origin": "SELF"}, False),
    ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, True),
    ({"origin": "SELF"}, True),
    ({"origin": "https://evil.example"}, False),
    ({"origin": "null"}, False),
    ({}, True),
]


@pytest.mark.parametrize(("headers", "taken"), CROSS)
def test_a_change_is_taken_from_our_own_pages_only(
    embedded: Served, browsers: Browsers, headers: dict[str, str], taken: bool
) -> None:
    make(embedded)
    client = browsers.signed_in()
    client.headers.pop("sec-fetch-site")
    given = {name: embedded.url if value == "SELF" else value for name, value in headers.items()}
    answer = client.post("/theme", data={"theme": "dark", "next": "/account"}, headers=given)
    changed = embedded.rows("SELECT theme FROM staff") == [("dark",)]

    assert changed is taken
    assert (answer.status_code == 303) is taken
    assert taken or answer.status_code == 403


def test_signing_in_cannot_be_asked_for_by_another_site(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    client = browsers.new(**{"sec-fetch-site": "cross-site"})

    assert sign_in(client).status_code == 403
    assert sessions.COOKIE not in client.cookies


@pytest.mark.parametrize(
    "path", ["/sign-in", "/account", "/nowhere", "/static/style.css", "/account/second-factor.svg"]
)
def test_every_answer_forbids_frames_inline_scripts_and_sniffing(
    embedded: Served, browsers: Browsers, path: str
) -> None:
    make(embedded)
    headers = browsers.signed_in().get(path).headers
    policy = headers["content-security-policy"]

    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "base-uri 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in {"same-origin", "no-referrer"}
    assert path.startswith("/static") or headers["cache-control"].startswith("no-store")


@pytest.mark.parametrize("address", ["", "https://console.example.org"])
def test_cookies_are_out_of_reach_of_scripts_and_other_sites(serve: Serve, address: str) -> None:
    from contextlib import ExitStack

    site = serve(console_address=address)
    make(site)
    with ExitStack() as stack:
        browsers = Browsers(site, stack)
        given = [
            sign_in(browsers.new()).headers["set-cookie"],
            browsers.new().post("/language", data={"language": "en"}).headers["set-cookie"],
            browsers.new().post("/sign-out").headers["set-cookie"],
        ]
    for cookie in given:
        parts = {part.strip().lower() for part in cookie.split(";")}
        assert {"httponly", "path=/", "samesite=lax"} <= parts
        assert ("secure" in parts) is bool(address)
        assert "domain" not in cookie.lower()


HTML = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}'


def test_stored_and_reflected_html_stays_text(embedded: Served, browsers: Browsers) -> None:
    hostile = '<b onclick="x">&\'{{7*7}}'
    make(embedded)
    make(embedded, hostile, Role.AUDITOR)
    client = browsers.new(**{"user-agent": HTML})
    sign_in(client, hostile)
    owner = browsers.signed_in()
    [member_id] = [row[0] for row in embedded.rows("SELECT id FROM staff WHERE roles = 'auditor'")]
    owner.post("/tokens", data={"note": HTML, "days": "7", "scope": "see_turns", "password": PASSWORD})
    assert len(embedded.rows("SELECT 1 FROM api_token")) == 1
    pages = [
        owner.get("/staff").text,
        owner.get(f"/staff/{member_id}").text,
        client.get("/account").text,
        owner.get("/tokens").text,
        sign_in(browsers.new(), HTML, "x", next=HTML).text,
        owner.get(f"/sign-in/code?next=/{HTML}").text,
        browsers.new().get("/nowhere/" + HTML).text,
        owner.post("/staff/new", data={"role": HTML}).text,
    ]
    for page in pages:
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "<b onclick" not in page
        assert ">49<" not in page
        assert not re.search(r'\son\w+="', page)
        assert not re.search(r"<[^>]+\sstyle=", page)


@pytest.mark.parametrize(
    "split", ["\r\nset-cookie: evil=1", "\nx: y", "%0d%0aset-cookie:%20evil=1", "\u560d\u560aevil"]
)
def test_nothing_typed_becomes_a_header(embedded: Served, browsers: Browsers, split: str) -> None:
    make(embedded)
    client = browsers.new()
    client.cookies.set(language.COOKIE, "en")
    for answer in (
        client.post("/language", data={"language": "en" + split, "next": "/account" + split}),
        client.post("/language", data={"language": "en", "next": "/account" + split}),
        sign_in(client, next="/account" + split),
    ):
        assert "evil" not in answer.headers.get("set-cookie", "").lower()
        assert "x" not in answer.headers
        assert "\n" not in answer.headers.get("location", "")
        assert answer.status_code in {303, 400, 401}


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "/%2F/evil.example",
        "javascript:1",
    ],
)
def test_nobody_is_sent_to_another_site_after_signing_in(embedded: Served, browsers: Browsers, wanted: str) -> None:
    make(embedded)
    client = browsers.new()

    assert sign_in(client, next=wanted).headers["location"] == "/"
    assert client.get("/sign-in", params={"next": wanted}).headers["location"] == "/"
    assert client.post("/language", data={"language": "en", "next": wanted}).headers["location"] == "/"


def test_a_log_line_stays_one_line_whatever_people_type(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    try:
        configure_logs("info")
        structlog.get_logger("test").info(
            "console.test", path="/a\nlevel=error event=forged\r\n\x1b[31m", name='x" y=1'
        )
    finally:
        structlog.configure(**before)
    lines = capsys.readouterr().err.splitlines()

    assert len(lines) == 1
    assert "event=console.test" in lines[0]
    assert "\x1b" not in lines[0]


def test_forms_are_bounded_and_files_are_not_taken(browsers: Browsers) -> None:
    client = browsers.new()
    form = {"content-type": "application/x-www-form-urlencoded"}

    def chunks() -> list[bytes]:
        return [b"name=" + b"a" * 1_000] * 100

    assert client.post("/sign-in", content=b"name=" + b"a" * 70_000, headers=form).status_code == 413
    assert client.post("/sign-in", content=iter(chunks()), headers=form).status_code == 413
    assert client.post("/sign-in", files={"name": b"x"}).status_code == 400
    assert client.post("/sign-in", content=b"{}", headers={"content-type": "application/json"}).status_code == 400
    assert client.post("/sign-in", content=b"&".join([b"a=1"] * 2_000), headers=form).status_code == 400
    assert client.post("/sign-in", content=b"name=%ff", headers=form).status_code == 400
    assert client.post("/sign-in", content=b"name=%00", headers=form).status_code == 400
    assert client.post("/sign-in", content="name=\u00e9".encode("latin-1"), headers=form).status_code == 400
    assert sign_in(client, "a\x07b").status_code == 400


def test_names_that_look_alike_cannot_both_be_had(embedded: Served) -> None:
    make(embedded, "Ann")
    make(embedded, "Ann Lee")
    for twin in ("ann", "ANN", "\uff21nn", "Ann  Lee"):
        with pytest.raises(Exception, match="already"):
            make(embedded, twin)
    now = embedded.gateway.clock()
    for bad in ("", " Ann2", "a\nb", "\u202eevil", "x" * 65, "Bob (token zmt-abcdef)", "Bob \uff08Token"):
        with pytest.raises(Exception, match="name"):
            embedded.write(partial(staff.create, name=bad, password="x", roles=[Role.OWNER], who="t", now=now))


def _slowly(embedded: Served, head: str, first: bytes) -> socket.socket:
    """Begin a request whose body does not come yet."""
    address = urlsplit(embedded.url)
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=30)
    connection.sendall(f"{head}\r\nhost: {address.netloc}\r\nconnection: close\r\n\r\n".encode() + first)
    return connection


def _rest(connection: socket.socket, last: bytes) -> str:
    with connection:
        connection.sendall(last)
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode("utf-8", "replace")


def test_an_account_that_is_closed_while_its_form_arrives_does_nothing_any_more(
    embedded: Served, browsers: Browsers
) -> None:
    make(embedded)
    bob = make(embedded, "Bob")
    secret = browsers.signed_in("Bob").cookies[sessions.COOKIE]
    head = (
        f"POST /staff/new HTTP/1.1\r\ncookie: {sessions.COOKIE}={secret}\r\ncontent-length: 10\r\n"
        "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin"
    )
    connection = _slowly(embedded, head, b"role=")
    assert browsers.new().get("/sign-in").status_code == 200  # by now the other request waits for the rest of its form
    embedded.write(lambda tx: staff.disable(tx, bob.id, who="Ann", why="left", now=embedded.gateway.clock()))
    answer = _rest(connection, b"owner")

    assert answer.startswith("HTTP/1.1 303")
    assert "/invitation" not in answer
    assert embedded.rows("SELECT COUNT(*) FROM staff_link") == [(0,)]


def test_a_found_session_makes_no_token_that_outlives_it(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    client, form = browsers.signed_in(), {"note": "mine", "days": "365", "scope": "see_turns"}
    refused = [client.post("/tokens", data=form), client.post("/tokens", data={**form, "password": "a guess"})]

    assert [one.status_code for one in refused] == [400, 400]
    assert all("a guess" not in one.text for one in refused)
    assert embedded.rows("SELECT 1 FROM api_token") == []
    assert "zmt-" in client.post("/tokens", data={**form, "password": PASSWORD}).text


def test_a_body_of_the_api_that_never_comes_is_not_waited_for(
    embedded: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "_SECONDS", 0.01)
    token = token_for(embedded, Role.OWNER)
    head = f"POST /api/rules/try HTTP/1.1\r\nauthorization: Bearer {token}\r\ncontent-length: 10"
    answer = _rest(_slowly(embedded, head, b"{"), b"")

    assert answer.startswith("HTTP/1.1 408")
    assert "slow_body" in answer


def test_the_longest_text_that_a_page_takes_arrives_in_any_script(embedded: Served, browsers: Browsers) -> None:
    make(embedded)
    text = "\u6b63\u540d" * 5_000
    answer = browsers.signed_in().post("/try", data={"text": text, "audience": "adult", "surface": "input"})

    assert answer.status_code == 200


DRIVER = "connection to db.internal as zhengming_rw failed"


@pytest.mark.parametrize("raised", [sqlite3.OperationalError(DRIVER), sqlite3.IntegrityError(DRIVER)])
def test_what_a_database_driver_says_stays_inside(embedded: Served, raised: sqlite3.Error) -> None:
    error = translated(raised)
    assert DRIVER in str(error)
    request = Request({"type": "http", "method": "GET", "path": "/sign-in", "query_string": b"", "headers": []})
    facts = Facts("1", embedded.data, "SQLite", shared_limits=False, started_at=0)
    gateway = embedded.gateway
    console = Console(gateway, GatewayApp(gateway), Renderer([TEMPLATES]), facts, gateway.clock)
    told = [
        bytes(answer_error(console, request, None, error).body).decode(),
        bytes(answer_any(request, error).body).decode(),
        str(readable(error)),
    ]

    assert all("database" in one or "table" in one for one in told)
    assert not any("db.internal" in one or "zhengming_rw" in one for one in told)
