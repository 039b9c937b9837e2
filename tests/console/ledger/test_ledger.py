"""The ledger in the console: entries with their proofs, checkpoints, and a check that finds what was done to it."""

from __future__ import annotations

import json

import httpx2
import pytest
from tests.console.conftest import SignIn
from tests.gateway.served import Served

from zhengming.core.words import Role
from zhengming.ledger import checks
from zhengming.ledger.head import Head, load_public
from zhengming.ledger.proof import verify_proof
from zhengming.store import Tx


def ended(client: httpx2.Client, where: str) -> str:
    """Follow a check as its page does, until it is under way no longer."""
    for _ in range(400):
        page = client.get(where).text
        if "<progress" not in page:
            return page
    message = "the check does not end"
    raise AssertionError(message)


def checked(client: httpx2.Client) -> str:
    begun = client.post("/ledger/checks")
    assert begun.status_code == 303
    return ended(client, begun.headers["location"])


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_head_is_shown_with_the_key_that_signed_it(embedded: Served, sign_in: SignIn, language: str) -> None:
    page = sign_in(embedded, Role.AUDITOR, language=language).get("/ledger")
    ((size, root),) = embedded.rows("SELECT size, root FROM ledger_head")

    assert page.status_code == 200
    assert bytes(root).hex() in page.text
    assert load_public(embedded.data).hex() in page.text
    assert size > 0


@pytest.mark.parametrize("by", ["id", "seq"])
def test_an_entry_is_found_and_proved_step_by_step(embedded: Served, sign_in: SignIn, by: str) -> None:
    auditor = sign_in(embedded, Role.AUDITOR)
    ((seq, name),) = embedded.rows("SELECT seq, id FROM ledger_entry ORDER BY seq LIMIT 1")

    found = auditor.get("/ledger/find", params={"q": name if by == "id" else str(seq)})
    assert (found.status_code, found.headers["location"]) == (303, f"/ledger/{name}")
    page = auditor.get(f"/ledger/{name}").text
    assert "The proof holds" in page
    assert "service.changed" in page
    file = auditor.get(f"/ledger/{name}/proof")
    assert file.headers["content-disposition"] == f'attachment; filename="proof-{seq}.json"'
    assert verify_proof(file.json())["id"] == name


def test_an_entry_that_is_not_there_is_told_with_what_was_typed(embedded: Served, sign_in: SignIn) -> None:
    auditor = sign_in(embedded, Role.AUDITOR)
    page = auditor.get("/ledger/find", params={"q": "<b>7"})

    assert page.status_code == 404
    assert "There is no entry &lt;b&gt;7" in page.text
    assert auditor.get("/ledger/99999999").status_code == 404


def test_a_checkpoint_is_noted_downloaded_and_compared_later(served: Served, sign_in: SignIn) -> None:
    ann = sign_in(served, Role.COMPLIANCE, name="ann")
    done = ann.post("/ledger/checkpoints")
    assert done.status_code == 303
    size = int(done.headers["location"].partition("noted=")[2].partition("#")[0])
    file = ann.get(f"/ledger/checkpoints/{size}")
    assert Head.from_json(file.json()).size == size
    assert ann.get("/ledger/checkpoints/999999").status_code == 404

    page = ann.get("/ledger").text
    assert "continued" in page
    assert "past was changed" not in page
    assert "It holds: the ledger now continues" in ann.post("/ledger/compare", data={"checkpoint": file.text}).text
    forged = {**file.json(), "root": "00" * 32}
    assert "was not signed" in ann.post("/ledger/compare", data={"checkpoint": json.dumps(forged)}).text
    assert ann.post("/ledger/compare", data={"checkpoint": "[1]"}).status_code == 422


def test_an_untouched_ledger_passes_the_check_and_says_who_made_it(served: Served, sign_in: SignIn) -> None:
    page = checked(sign_in(served, Role.ENGINEER, name="ann"))

    assert "It holds:" in page
    (row,) = served.rows("SELECT payload FROM ledger_entry WHERE type = 'ledger.checked'")
    entry = json.loads(bytes(row[0]))
    assert (entry["who"], entry["ok"]) == ("ann", True)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_flipped_byte_is_shown_in_plain_words(embedded: Served, sign_in: SignIn, language: str) -> None:
    def flip(tx: Tx) -> None:
        row = tx.one("SELECT payload FROM ledger_entry WHERE seq = 0")
        assert row is not None
        value = bytearray(row[0])
        value[30] ^= 1
        tx.run("UPDATE ledger_entry SET payload = :p WHERE seq = 0", {"p": bytes(value)})

    embedded.write(flip)
    owner = sign_in(embedded, Role.OWNER, language=language)

    page = checked(owner)

    words = {
        "zh-CN": ("发现 1 处问题", "写入后被改动"),
        "en": ("1 fault was found", "was changed after it was written"),
    }
    for expected in words[language]:
        assert expected in page
    assert 'href="/ledger/0"' in page
    entry = owner.get("/ledger/0").text
    assert {"zh-CN": "证明不成立", "en": "does not hold"}[language] in entry


def test_a_second_check_leads_to_the_one_that_runs(embedded: Served, sign_in: SignIn) -> None:
    now = embedded.gateway.clock()
    embedded.write(lambda tx: checks.begin(tx, "other", who="bob", instance="elsewhere", now=now))

    again = sign_in(embedded, Role.OWNER).post("/ledger/checks")

    assert again.headers["location"] == "/ledger/checks/other?other=1"
    page = sign_in(embedded, Role.OWNER).get(again.headers["location"]).text
    assert "bob has begun a check already" in page
    assert 'http-equiv="refresh"' in page


def test_a_check_whose_process_died_is_shown_as_interrupted(embedded: Served, sign_in: SignIn) -> None:
    now = embedded.gateway.clock() - checks.SILENT - 1
    embedded.write(lambda tx: checks.begin(tx, "dead", who="bob", instance="gone", now=now))

    page = sign_in(embedded, Role.OWNER).get("/ledger/checks/dead").text

    assert "has ended; there is no result" in page
    assert "<progress" not in page


def test_who_may_only_look_notes_and_checks_nothing(embedded: Served, sign_in: SignIn) -> None:
    auditor = sign_in(embedded, Role.AUDITOR)

    assert auditor.post("/ledger/checks").status_code == 403
    assert auditor.post("/ledger/checkpoints").status_code == 403
    assert sign_in(embedded, Role.REVIEWER).get("/ledger").status_code == 403
