"""What a program changes: once, upon what it read, under its name, and with secrets shown a single time."""

from __future__ import annotations

from typing import Any

import httpx2
from tests.console.api.conftest import Calling
from tests.gateway.served import Served

from zhengming.core.words import Role


def first_service(client: httpx2.Client) -> dict[str, Any]:
    """The service that every installation begins with."""
    return dict(client.get("/services").json()["services"][0])


def test_a_service_is_changed_upon_the_revision_that_was_read(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    read = client.get(f"/services/{first_service(client)['id']}")
    profile = {**read.json()["profile"], "producer": "acme"}
    change = {"profile": profile, "why": "The producer has a name now."}
    tag = {"if-match": read.headers["etag"]}

    changed = client.put(f"/services/{read.json()['id']}", json=change, headers=tag)
    again = client.put(f"/services/{read.json()['id']}", json=change, headers=tag)

    assert (read.headers["etag"], changed.headers["etag"]) == ('"1"', '"2"')
    assert changed.json()["profile"]["producer"] == "acme"
    assert (again.status_code, again.json()["code"]) == (412, "precondition_failed")
    assert embedded.gateway.directory.snapshot.named("default").producer == "acme"  # type: ignore[union-attr]


def test_a_change_of_a_service_must_name_its_revision(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    service = first_service(client)

    answer = client.put(f"/services/{service['id']}", json={"profile": service["profile"], "why": "x"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/header/If-Match"


def test_a_service_that_is_made_serves_at_once(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)

    made = client.post("/services", json={"profile": {"name": "tutor", "audiences": ["teen"]}, "why": "A pilot."})
    secret = client.post("/keys", json={"service_id": made.json()["id"], "scopes": ["chat"]}).json()["secret"]

    assert made.status_code == 201
    assert made.json()["profile"]["audiences"] == ["teen"]
    assert embedded.client(secret).models.list().data
    assert client.post("/services", json={"profile": {"name": "tutor"}, "why": "Twice."}).status_code == 409


def test_what_a_stored_profile_says_may_be_sent_back_as_it_is(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    service = first_service(client)

    answer = client.put(
        f"/services/{service['id']}", json={"profile": service["profile"], "why": "x"}, headers={"if-match": '"1"'}
    )

    assert answer.json()["profile"] == service["profile"]


def test_the_secret_of_a_key_is_shown_once(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    made = client.post("/keys", json={"service_id": first_service(client)["id"], "note": "the app"})
    secret, key = made.json()["secret"], made.json()["key"]

    assert made.headers["cache-control"] == "no-store"
    for path in ("/keys", f"/keys/{key['id']}"):
        assert secret not in client.get(path).text
    assert not [row for row in embedded.rows("SELECT payload FROM ledger_entry") if secret.encode() in row[0]]
    assert secret.startswith(key["prefix"])


def test_a_key_that_is_revoked_opens_nothing_and_may_be_revoked_again(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    made = client.post("/keys", json={"service_id": first_service(client)["id"]}).json()
    path = f"/keys/{made['key']['id']}/revoke"

    first = client.post(path, json={"why": "It leaked."})
    entries = client.get("/ledger/head").json()["size"]
    second = client.post(path, json={"why": "A retry."})

    assert first.json()["revoked_why"] == "It leaked."
    assert second.json() == first.json()
    assert client.get("/ledger/head").json()["size"] == entries
    assert embedded.gateway.directory.authenticate(made["secret"]) is None


def test_a_switch_is_in_force_when_the_answer_comes_and_may_be_lifted_twice(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    body = {"kind": "stop_generation", "why": "A drill.", "expires_in_seconds": 600}
    made = client.post("/switches", json=body).json()

    assert made["state"] == "standing"
    assert [one["id"] for one in client.get("/switches?state=standing").json()["switches"]] == [made["id"]]
    lifted = client.post(f"/switches/{made['id']}/lift", json={"why": "It is over."})
    again = client.post(f"/switches/{made['id']}/lift", json={"why": "A retry."})
    assert lifted.json()["state"] == "lifted"
    assert again.json() == lifted.json()
    assert client.get("/switches?state=standing").json()["switches"] == []


def test_a_switch_that_expired_by_itself_cannot_be_lifted(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    made = client.post("/switches", json={"kind": "stop_publishing", "why": "x", "expires_in_seconds": 60}).json()
    embedded.write(lambda tx: tx.run("UPDATE switch SET expires_at = set_at + 1"))

    assert client.get(f"/switches/{made['id']}").json()["state"] == "expired"
    assert client.post(f"/switches/{made['id']}/lift", json={"why": "x"}).status_code == 409


def test_rules_judge_a_text_that_is_kept_nowhere(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    before = client.get("/ledger/head").json()["size"]

    judged = client.post("/rules/try", json={"text": "Call 13812345678 now"}).json()

    finding = judged["findings"][0]
    assert (finding["start"], finding["end"]) == (5, 16)
    assert client.get(f"/rules/{finding['rule']}").json()["version"] == finding["version"]
    assert client.get("/ledger/head").json()["size"] == before


def test_every_word_that_an_answer_may_hold_has_a_meaning(embedded: Served, calling: Calling) -> None:
    kinds = {one["name"]: one["members"] for one in calling(embedded, Role.AUDITOR).get("/words").json()["kinds"]}

    assert {"Verdict", "Ending", "EventType", "CareLevel", "Permission"} <= set(kinds)
    assert all(member["meaning"] for members in kinds.values() for member in members)


def test_staff_see_who_signed_in(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    member = client.get("/staff").json()["staff"][0]

    assert member["roles"] == ["owner"]
    assert client.get(f"/staff/{member['id']}/sign-ins").json() == {"sign_ins": []}
    assert "password" not in {*member} - {"password_at"}
