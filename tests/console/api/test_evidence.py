"""Turns and the ledger: found page by page, opened with a reason that is recorded, proved so that others can check."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.console.api.conftest import Calling
from tests.gateway.served import Served

from zhengming.core.words import Role
from zhengming.ledger.proof import verify_consistency, verify_proof


def speak(site: Served, *texts: str) -> None:
    """Make a turn of each text."""
    client = site.client()
    for text in texts:
        client.chat.completions.create(model="zhengming-rehearsal", messages=[{"role": "user", "content": text}])
    site.settled()


@pytest.fixture
def spoken(embedded: Served) -> Served:
    speak(embedded, *(f"Hello number {number}" for number in range(5)))
    return embedded


def closed_turn(client: httpx2.Client) -> dict[str, Any]:
    return dict(client.get("/turns?state=closed&limit=1").json()["turns"][0])


def test_a_walk_with_the_cursor_meets_every_turn_once(spoken: Served, calling: Calling) -> None:
    client = calling(spoken, Role.REVIEWER)
    seen, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = client.get("/turns", params=query).json()
        seen += [one["id"] for one in page["turns"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


def test_the_link_header_leads_to_the_same_pages(spoken: Served, calling: Calling) -> None:
    client = calling(spoken, Role.REVIEWER)

    first = client.get("/turns?limit=2&state=closed")
    following = first.headers["link"].partition(">")[0].removeprefix("<")
    second = client.get(f"{spoken.url}{following}")

    assert "state=closed" in following
    assert 'rel="next"' in first.headers["link"]
    assert 'rel="prev"' in second.headers["link"]
    assert not {one["id"] for one in first.json()["turns"]} & {one["id"] for one in second.json()["turns"]}


def test_a_cursor_that_leads_nowhere_is_not_found(spoken: Served, calling: Calling) -> None:
    assert calling(spoken, Role.REVIEWER).get("/turns?cursor=nonsense").status_code == 404


def test_turns_are_narrowed_as_on_the_page(spoken: Served, calling: Calling) -> None:
    client = calling(spoken, Role.REVIEWER)

    assert len(client.get("/turns?outcome=served&unscreened=false").json()["turns"]) == 5
    assert client.get("/turns?verdict_in=block").json()["turns"] == []
    assert client.get("/turns", params={"from": "2099-01-01T00:00:00Z"}).json()["turns"] == []
    assert len(client.get("/turns", params={"to": "2099-01-01T00:00:00+08:00"}).json()["turns"]) == 5


def test_texts_are_opened_with_a_reason_that_everybody_sees(spoken: Served, calling: Calling) -> None:
    client = calling(spoken, Role.REVIEWER, name="mei")
    turn = closed_turn(client)

    assert "Hello number" not in client.get(f"/turns/{turn['id']}").text
    opened = client.post(f"/turns/{turn['id']}/texts", json={"why": "A complaint of the person."}).json()

    assert opened["input"][0]["text"].startswith("Hello number")
    assert opened["shown"]
    reveal = client.get(f"/turns/{turn['id']}").json()["reveals"][0]
    assert (reveal["entry_id"], reveal["why"]) == (opened["reveal_entry"], "A complaint of the person.")
    assert reveal["who"].startswith("mei (token zmt-")
    entry = calling(spoken, Role.AUDITOR).get(f"/ledger/entries/{opened['reveal_entry']}").json()
    assert entry["type"] == "text.revealed"


def test_without_a_reason_nothing_is_opened_and_nothing_recorded(spoken: Served, calling: Calling) -> None:
    client = calling(spoken, Role.REVIEWER)
    path = f"/turns/{closed_turn(client)['id']}"

    for body in ({}, {"why": ""}, {"why": " \t"}):
        assert client.post(f"{path}/texts", json=body).status_code == 422
    assert client.get(path).json()["reveals"] == []


def test_a_proof_of_a_turn_is_verified_offline_by_the_command(spoken: Served, calling: Calling, tmp_path: Path) -> None:
    client = calling(spoken, Role.REVIEWER)
    turn = closed_turn(client)
    proof = client.get(f"/turns/{turn['id']}/proof?entry=opened").json()
    (tmp_path / "proof.json").write_text(json.dumps(proof), encoding="utf-8")

    command = [
        sys.executable,
        "-c",
        "from zhengming.app.cli import main; main()",
        "ledger",
        "check",
        str(tmp_path / "proof.json"),
    ]
    told = subprocess.run([*command, "--data", str(spoken.data)], capture_output=True, text=True, check=False)  # noqa: S603 - our own command

    assert verify_proof(proof)["turn"] == turn["id"]
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["type"] == "turn.opened"


def test_a_turn_is_verified_and_a_changed_one_is_told_apart(spoken: Served, calling: Calling) -> None:
    client = calling(spoken, Role.REVIEWER)
    turn = closed_turn(client)
    path = f"/turns/{turn['id']}/verify"

    whole = client.post(path).json()
    spoken.write(lambda tx: tx.run("UPDATE turn SET model = 'another' WHERE id = :id", {"id": turn["id"]}))
    changed = client.post(path).json()

    assert whole["holds"], whole
    assert not changed["holds"]
    assert [one["name"] for one in changed["steps"] if one["holds"] is False] == ["opened_row"]


def test_the_ledger_is_proved_to_continue_a_checkpoint(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    noted = client.post("/ledger/checkpoints").json()["head"]
    speak(embedded, "Something happens meanwhile")

    proof = client.get(f"/ledger/consistency?old_size={noted['size']}").json()

    assert proof["old_root"] == noted["root"]
    verify_consistency(
        noted["size"],
        bytes.fromhex(noted["root"]),
        proof["head"]["size"],
        bytes.fromhex(proof["head"]["root"]),
        [bytes.fromhex(step) for step in proof["path"]],
    )
    listed = client.get("/ledger/checkpoints").json()
    assert listed["checkpoints"][0]["head"] == noted
    assert listed["public_key"] == (embedded.data / "ledger.pub").read_text("ascii").strip()


def test_a_check_of_the_ledger_is_begun_and_asked_for(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.OWNER)
    begun = client.post("/ledger/checks")
    assert begun.status_code == 202

    while (found := client.get(f"/ledger/checks/{begun.json()['id']}").json())["state"] == "running":
        pass

    assert (found["state"], found["faults_total"], found["faults"]) == ("passed", 0, [])
    assert client.get("/ledger/checks").json()["checks"][0] == found


def test_entries_are_read_by_seq_and_by_id(embedded: Served, calling: Calling) -> None:
    client = calling(embedded, Role.AUDITOR)

    first = client.get("/ledger/entries/0").json()

    assert first == client.get(f"/ledger/entries/{first['id']}").json()
    assert first["payload"]["seq"] == 0
    assert verify_proof(client.get("/ledger/entries/0/proof").json())["id"] == first["id"]


def test_figures_are_those_of_the_pages(spoken: Served, calling: Calling) -> None:
    client = calling(spoken, Role.ENGINEER)

    overview = client.get("/overview?range=1h").json()
    health = client.get("/health").json()

    assert len(overview["course"]) == 12
    assert set(overview["now"]) == set(overview["before"])
    assert client.get("/overview?service_id=nobody").status_code == 404
    assert health["missing"] == []
    assert "disk" in {one["name"] for one in health["figures"]}
    assert health["instance"] == spoken.gateway.instance
