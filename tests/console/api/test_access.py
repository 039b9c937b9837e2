"""Who may call what: the table of operations against every role, and what a token opens."""

from __future__ import annotations

import pytest
from tests.console.api.conftest import Calling, token_for
from tests.console.conftest import session_for
from tests.gateway.conftest import Serve
from tests.gateway.served import Served

from zhengming.accounts import tokens
from zhengming.accounts.roles import ROLES
from zhengming.console.api.operation import Operation
from zhengming.console.api.operations import OPERATIONS
from zhengming.core.words import Permission, Role
from zhengming.web import sessions

NOBODY = "00000000-0000-7000-8000-000000000000"


def path_of(operation: Operation) -> str:
    """The path with ids of nothing in its places."""
    return "/".join(NOBODY if part.startswith("{") else part for part in operation.path.split("/"))


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_call_what_the_table_gives_it_and_nothing_else(
    embedded: Served, calling: Calling, role: Role
) -> None:
    client = calling(embedded, role)

    for operation in OPERATIONS:
        answer = client.request(operation.method, path_of(operation))
        allowed = operation.needs in ROLES[role]

        assert (answer.status_code != 403) is allowed, (operation.name, answer.text)
        assert answer.status_code != 401
        if not allowed:
            assert answer.json()["code"] == "missing_permission"
            assert operation.needs in answer.json()["detail"]
            assert f'scope="{operation.needs}"' in answer.headers["www-authenticate"]


def test_without_a_token_no_operation_says_anything_else(embedded: Served, calling: Calling) -> None:
    client = calling(embedded)

    for operation in OPERATIONS:
        answer = client.request(operation.method, path_of(operation), params={"nonsense": "1"}, content=b"{")

        assert answer.status_code == 401, operation.name
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_token_opens_only_its_scopes(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER, scopes=frozenset({Permission.SEE_KEYS}))

    assert client.get("/keys").status_code == 200
    assert client.get("/services").status_code == 403


def test_a_token_opens_less_when_its_maker_may_less(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER, name="lin")
    embedded.write(lambda tx: tx.run("UPDATE staff SET roles = 'reviewer' WHERE name = 'lin'"))

    assert client.get("/turns").status_code == 200
    assert client.get("/keys").status_code == 403


@pytest.mark.parametrize(
    "secret",
    ["zmt-" + "a" * 43, "zmt-short", "nonsense", "zm-" + "a" * 43, "zmt-" + "a" * 43 + "%00"],
)
def test_a_token_that_nobody_made_opens_nothing(embedded: Served, calling: Calling, secret: str) -> None:
    assert calling(embedded, token=secret).get("/about").status_code == 401


def test_a_key_of_the_gateway_is_no_token(embedded: Served, calling: Calling) -> None:
    assert calling(embedded, token=embedded.key).get("/about").status_code == 401


def test_a_session_of_the_console_is_no_token(embedded: Served, calling: Calling) -> None:
    client = calling(embedded)
    client.cookies.set(sessions.COOKIE, session_for(embedded, Role.OWNER))

    assert client.get("/about").status_code == 401


def test_a_revoked_token_opens_nothing_from_then_on(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    own = client.get("/tokens").json()["tokens"][0]

    revoked = client.post(f"/tokens/{own['id']}/revoke", json={"why": "It was in a screenshot."})

    assert revoked.status_code == 200
    assert revoked.json()["revoked_by"].startswith("owner (token zmt-")
    assert client.get("/about").status_code == 401


def test_an_expired_token_opens_nothing(embedded: Served, calling: Calling) -> None:
    secret = token_for(embedded, Role.OWNER, seconds=60)
    assert calling(embedded, token=secret).get("/about").status_code == 200

    embedded.write(lambda tx: tx.run("UPDATE api_token SET expires_at = 1"))

    assert calling(embedded, token=secret).get("/about").status_code == 401


def test_a_token_of_a_disabled_account_opens_nothing(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER, name="wang")
    embedded.write(lambda tx: tx.run("UPDATE staff SET disabled_at = 1 WHERE name = 'wang'"))

    assert client.get("/about").status_code == 401


def test_nobody_sees_or_revokes_the_tokens_of_others(embedded: Served, calling: Calling) -> None:
    other, mine = calling(embedded, Role.OWNER, name="zhao"), calling(embedded, Role.OWNER, name="qian")
    theirs = other.get("/tokens").json()["tokens"][0]["id"]

    assert [one["id"] for one in mine.get("/tokens").json()["tokens"]] != [theirs]
    assert mine.post(f"/tokens/{theirs}/revoke", json={"why": "no"}).status_code == 404
    assert other.get("/about").status_code == 200


def test_the_last_use_is_written_down_at_most_once_a_minute(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)

    client.get("/about")
    first = embedded.rows("SELECT last_used_at FROM api_token")
    client.get("/about")

    assert first == embedded.rows("SELECT last_used_at FROM api_token")
    assert first[0][0] is not None


def test_a_token_that_asks_too_often_is_told_when_to_go_on(serve: Serve, calling: Calling) -> None:
    site = serve(api_requests_per_minute=3)
    client, other = calling(site, Role.OWNER), calling(site, Role.OWNER)

    answers = [client.get("/about") for _ in range(4)]

    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["code"] == "rate_limited"
    assert other.get("/about").status_code == 200


def test_acts_are_recorded_under_the_person_and_the_token(embedded: Served, calling: Calling) -> None:
    secret = token_for(embedded, Role.OWNER, name="sun")

    made = calling(embedded, token=secret).post(
        "/switches", json={"kind": "stop_publishing", "why": "A drill.", "expires_in_seconds": 60}
    )

    assert made.json()["who"] == f"sun (token {secret[: tokens.SHOWN]})"


def test_the_document_and_its_page_need_no_token(embedded: Served, calling: Calling) -> None:
    client = calling(embedded)

    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
    assert client.get("/docs").status_code == 200


def test_every_permission_that_lets_somebody_look_has_an_operation() -> None:
    """What a page shows, a program can read."""
    named = {operation.needs for operation in OPERATIONS}

    assert {one for one in Permission if one.startswith("see_")} <= named
