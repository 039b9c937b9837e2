"""Every error is a problem document that says what is wrong, where, and what to do next."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from tests.console.api.conftest import Calling
from tests.gateway.served import Served

from zhengming.core.words import Role

WORDS = {"type", "title", "status", "detail", "instance", "code", "next_step", "errors"}
JSON = {"content-type": "application/json"}


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem, once it is one."""
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(found) == WORDS
    assert found["status"] == status
    assert found["type"] == f"/api/docs#problem-{code}"
    assert found["instance"].startswith("/api/")
    return found


def test_an_address_that_is_no_operation(embedded: Served, calling: Calling) -> None:
    found = problem(calling(embedded, Role.OWNER).get("/nowhere"), 404, "no_such_operation")

    assert "/api/openapi.json" in found["next_step"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/services", "GET, POST"),
        ("PATCH", "/services/x", "GET, PUT"),
        ("GET", "/rules/try", "POST"),
        ("POST", "/about", "GET"),
        ("TRACE", "/keys", "GET, POST"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
def test_another_method_is_told_all_those_there_are(
    embedded: Served, calling: Calling, method: str, path: str, allow: str
) -> None:
    answer = calling(embedded, Role.OWNER).request(method, path)

    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allow


def test_a_thing_that_is_not_there(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)

    for path in ("/services/x", "/keys/x", "/switches/x", "/turns/x", "/rules/x", "/ledger/checks/x"):
        problem(client.get(path), 404, "not_found")
    problem(client.get("/ledger/entries/999999"), 404, "entry_not_found")
    problem(client.get("/ledger/consistency?old_size=999999"), 404, "not_found")


@pytest.mark.parametrize(
    "query", ["nonsense=1", "limit=0", "limit=many", "limit=1&limit=2", "service=a%00b", "from=yesterday", "care=6"]
)
def test_a_parameter_that_does_not_fit(embedded: Served, calling: Calling, query: str) -> None:
    problem(calling(embedded, Role.OWNER).get(f"/turns?{query}"), 422, "unprocessable")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "unprocessable"),
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b'"text"', 400, "invalid_json"),
        (b'{"text": NaN}', 400, "invalid_json"),
        (b'{"text": "a", "text": "b"}', 400, "duplicate_key"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b'{"text": "a", "more": 1}', 422, "unprocessable"),
        (b'{"text": 5}', 422, "unprocessable"),
        (b'{"text": "a\\u0000b"}', 422, "unprocessable"),
        (b'{"text": "a\\ud800b"}', 422, "unprocessable"),
        (b'{"text": "a", "surface": "nowhere"}', 422, "unprocessable"),
        (b'{"text": ' + b"[" * 60 + b"]" * 60 + b"}", 422, "unprocessable"),
        (b'{"text": "' + b"a" * 70_000 + b'"}', 413, "too_large"),
    ],
)
def test_a_body_that_does_not_fit(embedded: Served, calling: Calling, body: bytes, status: int, code: str) -> None:
    problem(calling(embedded, Role.OWNER).post("/rules/try", content=body, headers=JSON), status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_must_be_declared_as_json(embedded: Served, calling: Calling, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = calling(embedded, Role.OWNER).post("/rules/try", content=b'{"text": "a"}', headers=headers)

    problem(answer, 415, "unsupported_media_type")


def test_a_body_where_none_belongs(embedded: Served, calling: Calling) -> None:
    problem(calling(embedded, Role.OWNER).post("/ledger/checkpoints", json={}), 422, "unprocessable")


def test_every_field_that_does_not_fit_is_named(embedded: Served, calling: Calling) -> None:
    body = {"kind": "nothing", "why": "", "expires_in_seconds": "soon"}
    found = problem(calling(embedded, Role.OWNER).post("/switches", json=body), 422, "unprocessable")

    assert {one["pointer"] for one in found["errors"]} == {"/body/kind", "/body/why", "/body/expires_in_seconds"}


def test_an_error_of_the_api_itself_says_nothing_of_its_inside(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    embedded.write(lambda tx: tx.run("UPDATE service SET profile = 'no json'"))

    found = problem(client.get("/services"), 500, "internal_error")

    assert "json" not in json.dumps(found["detail"]).lower()


def test_changes_that_are_frozen_say_who_froze_them(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER, name="zhou")
    client.post("/switches", json={"kind": "freeze_changes", "why": "An audit."})
    service_id = client.get("/services").json()["services"][0]["id"]

    found = problem(client.post("/keys", json={"service_id": service_id}), 409, "changes_frozen")

    assert "zhou" in found["detail"]


def test_reports_of_the_operator_stay_with_the_gateway(embedded: Served, calling: Calling) -> None:
    answer = calling(embedded, token=embedded.key).post("/reports", json={"kind": "login", "user": "u1"})

    assert answer.status_code == 200
    assert answer.json()["allowed"] is True


def test_every_code_that_a_problem_names_is_described_on_the_page(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    page = client.get("/docs").text

    for answer in (client.get("/nowhere"), client.get("/services/x"), client.get("/turns?x=1"), client.put("/about")):
        assert f'id="{answer.json()["type"].partition("#")[2]}"' in page
