"""The page of one turn: what acted and why, texts only for a reason, a proof that a changed row fails."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from tests.console.conftest import SignIn
from tests.gateway.served import Served
from typer.testing import CliRunner

from zhengming.accounts import service
from zhengming.core.words import Role
from zhengming.gateway.turns.texts import OPEN_FOR
from zhengming.ledger.commands import ledger_app
from zhengming.store import Tx

MODEL = "zhengming-rehearsal"
STOP, REDACT = "请演示一段必须被拦下的回答", "请演示一段需要打码的回答"
WHY = "complaint 4711"


def ask(client: OpenAI, text: str, **more: Any) -> None:
    for _ in client.chat.completions.create(
        model=MODEL, stream=True, messages=[{"role": "user", "content": text}], **more
    ):
        pass


def turn_of(site: Served, text: str, **more: Any) -> str:
    """Ask once and return the id of the turn."""
    ask(site.client(), text, **more)
    site.settled()
    return str(site.rows("SELECT id FROM turn ORDER BY id DESC LIMIT 1")[0][0])


def opened(site: Served, sign_in: SignIn, turn: str, *roles: Role) -> Any:
    """Give a reason and follow it to the texts."""
    client = sign_in(site, *(roles or (Role.OWNER,)))
    return client.post(f"/turns/{turn}/reveal", data={"why": WHY}, follow_redirects=True)


def change(site: Served, sql: str, **values: Any) -> None:
    site.write(lambda tx: tx.run(sql, values))


def test_the_page_says_which_rule_stopped_the_answer_and_why(served: Served, sign_in: SignIn) -> None:
    turn = turn_of(served, STOP)
    page = sign_in(served, Role.AUDITOR).get(f"/turns/{turn}")

    assert page.status_code == 200
    assert "The answer was stopped before a passage of the category Fraud." in page.text
    assert 'href="/rules/fraud.safe_account"' in page.text
    assert "Deceiving a person out of money or data." in page.text
    assert "one of 33 phrases" in page.text
    assert "0/content" in page.text
    assert "Found in the answer" in page.text


def test_a_rule_that_only_noted_something_is_not_called_what_decided(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, "我的手机号是13800138000")
    client = sign_in(embedded, Role.OWNER)
    assert "What was found, and did not decide: the rule" in client.get(f"/turns/{turn}").text
    change(embedded, "UPDATE turn SET outcome = 'failed', verdict_input = 'redact' WHERE id = :id", id=turn)
    change(embedded, "UPDATE turn_signal SET verdict = 'redact' WHERE turn_id = :id", id=turn)
    failed = client.get(f"/turns/{turn}").text

    assert "What was found, and did not decide: the rule" in failed
    assert "The model’s service failed" in failed
    change(embedded, "UPDATE turn SET upstream = '' WHERE id = :id", id=turn)
    assert "no model was asked" in client.get(f"/turns/{turn}").text


def test_a_conversation_leads_to_its_person_and_its_service(embedded: Served, sign_in: SignIn) -> None:
    turn_of(embedded, STOP, user="u1")
    name, person, service_id = embedded.rows("SELECT conversation_id, person_id, service_id FROM turn")[0]

    page = sign_in(embedded, Role.OWNER).get(f"/conversations/{name}").text
    assert f'href="/turns?person={person}"' in page
    assert f'href="/services/{service_id}"' in page


def test_the_page_says_it_in_chinese_as_well(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, REDACT)
    page = sign_in(embedded, Role.OWNER, language="zh-CN").get(f"/turns/{turn}")

    assert "回答已显示，其中属于“个人信息”的内容被遮盖。" in page.text
    assert "privacy.mobile" in page.text
    assert "规则作者的说明" not in page.text
    assert "Mobile number" not in page.text


def test_no_text_is_on_the_page_until_it_was_asked_for(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, REDACT)
    page = sign_in(embedded, Role.OWNER).get(f"/turns/{turn}")

    assert "13800138000" not in page.text
    assert REDACT not in page.text


def test_a_turn_that_is_not_there_says_so(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded, Role.OWNER)

    for path in ("/turns/none", "/conversations/none", "/turns/none/proof/opened.json"):
        assert client.get(path).status_code == 404
    assert client.post("/turns/none/verify").status_code == 404
    assert client.post("/turns/none/reveal", data={"why": WHY}).status_code == 404
    assert embedded.rows("SELECT count(*) FROM turn_reveal") == [(0,)]


def test_texts_open_for_a_reason_that_is_recorded_first(served: Served, sign_in: SignIn) -> None:
    turn = turn_of(served, REDACT)
    page = opened(served, sign_in, turn, Role.REVIEWER)

    assert page.status_code == 200
    assert "/texts?reveal=" in str(page.url)
    assert REDACT in page.text
    shown, said = page.text.split("What the model said")[0], page.text.split("What the model said")[1]
    assert "13800138000" not in shown
    assert re.search(r"<mark[^>]*>13800138000", said)
    assert re.search(r"<mark[^>]*>［", shown)
    assert "privacy.mobile, version 1" in said
    ((entry, who, why),) = served.rows("SELECT entry_id, who, why FROM turn_reveal WHERE turn_id = :id", id=turn)
    assert (who, why) == ("reviewer", WHY)
    ((kind, payload),) = served.rows("SELECT type, payload FROM ledger_entry WHERE id = :id", id=entry)
    assert kind == "text.revealed"
    assert json.loads(payload)["why"] == WHY
    assert WHY in sign_in(served, Role.AUDITOR).get(f"/turns/{turn}").text


def test_what_was_withheld_is_marked_in_what_the_model_said(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, STOP)
    page = opened(embedded, sign_in, turn)

    assert re.search(r'<mark class="stop"[^>]*>请立即把资金转到安全账户', page.text)
    assert "未予显示" in page.text.split("What the model said")[0]


@pytest.mark.parametrize("why", ["", "   ", "short", "x" * 501, "a\x01bcdefghijk"])
def test_without_a_good_reason_nothing_is_opened_recorded_or_lost(embedded: Served, sign_in: SignIn, why: str) -> None:
    turn = turn_of(embedded, REDACT)
    page = sign_in(embedded, Role.OWNER).post(f"/turns/{turn}/reveal", data={"why": why})

    assert page.status_code == 400
    assert "Nothing was opened or recorded." in page.text
    assert f"{why.strip()[:500]}</textarea>" in page.text
    assert "13800138000" not in page.text
    assert embedded.rows("SELECT count(*) FROM turn_reveal") == [(0,)]
    assert embedded.rows("SELECT count(*) FROM ledger_entry WHERE type = 'text.revealed'") == [(0,)]


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.AUDITOR])
def test_a_role_without_the_permission_opens_no_text(embedded: Served, sign_in: SignIn, role: Role) -> None:
    turn = turn_of(embedded, REDACT)
    client = sign_in(embedded, role)
    entry = str(opened(embedded, sign_in, turn).url).rpartition("=")[2]

    assert client.post(f"/turns/{turn}/reveal", data={"why": WHY}).status_code == 403
    assert client.get(f"/turns/{turn}/texts?reveal={entry}").status_code == 403
    assert f"/turns/{turn}/reveal" not in client.get(f"/turns/{turn}").text
    assert embedded.rows("SELECT count(*) FROM turn_reveal") == [(1,)]


def test_a_reviewer_who_may_not_see_the_ledger_cannot_verify(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, REDACT)
    client = sign_in(embedded, Role.REVIEWER)

    assert client.post(f"/turns/{turn}/verify").status_code == 403
    assert client.get(f"/turns/{turn}/proof/opened.json").status_code == 403
    assert f"/turns/{turn}/verify" not in client.get(f"/turns/{turn}").text


def test_texts_stay_open_to_whoever_asked_and_to_nobody_else(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, REDACT)
    other = turn_of(embedded, STOP)
    asker = sign_in(embedded, Role.OWNER)
    location = asker.post(f"/turns/{turn}/reveal", data={"why": WHY}).headers["location"]

    assert asker.get(location).status_code == 200
    for client, path in (
        (sign_in(embedded, Role.COMPLIANCE), location),
        (asker, location.replace(turn, other)),
        (asker, f"/turns/{turn}/texts"),
        (asker, f"/turns/{turn}/texts?reveal=%0d%0aset-cookie:%20x"),
    ):
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].endswith("?texts=closed#texts")
        assert "set-cookie" not in answer.headers


def test_texts_close_after_a_quarter_of_an_hour(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, REDACT)
    asker = sign_in(embedded, Role.OWNER)
    location = asker.post(f"/turns/{turn}/reveal", data={"why": WHY}).headers["location"]
    change(embedded, "UPDATE turn_reveal SET at = at - :late", late=OPEN_FOR)
    answer = asker.get(location, follow_redirects=True)

    assert "13800138000" not in answer.text
    assert "The texts are closed" in answer.text


def test_a_distressing_text_is_covered_until_it_is_opened(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, "我真的不想活了，想自杀")
    page = opened(embedded, sign_in, turn)

    veil = page.text.split('<details class="veil"')[1].split("</details>")[0]
    assert "想自杀" in veil
    assert "想自杀" not in page.text.replace(veil, "")


def test_an_erased_person_leaves_the_decision_and_no_text(served: Served, sign_in: SignIn) -> None:
    turn = turn_of(served, REDACT)
    person = served.rows("SELECT person_id FROM turn WHERE id = :id", id=turn)[0][0]
    served.write(lambda tx: served.gateway.vault.erase(tx, person, by="test", why="asked for"))
    client = sign_in(served, Role.OWNER)
    page = client.get(f"/turns/{turn}")
    verified = client.post(f"/turns/{turn}/verify")

    assert "This person was erased" in page.text
    assert f"/turns/{turn}/reveal" not in page.text
    assert "privacy.mobile" in page.text
    assert "cannot be checked" in verified.text
    assert "does not agree" not in verified.text
    assert "13800138000" not in opened(served, sign_in, turn).text


def test_the_proof_of_an_untouched_turn_holds_in_every_step(served: Served, sign_in: SignIn) -> None:
    turn = turn_of(served, STOP)
    page = sign_in(served, Role.AUDITOR).post(f"/turns/{turn}/verify")

    assert page.status_code == 200
    assert "Everything that can be checked agrees." in page.text
    assert page.text.count("✓") >= 10
    assert "✗" not in page.text


TAMPERED = {
    "outcome": ("UPDATE turn SET outcome = 'served' WHERE id = :id", "ending"),
    "care": ("UPDATE turn SET care_level = 4 WHERE id = :id", "care_level"),
    "rule": ("UPDATE turn_signal SET rule = 'spam.x' WHERE turn_id = :id", "spam.x"),
    "finding taken away": ("DELETE FROM turn_signal WHERE turn_id = :id", "0 / 1"),
    "transcript": ("UPDATE turn SET output_sealed = input_sealed WHERE id = :id", "output"),
    "words of the model": ("UPDATE turn SET said_sealed = NULL WHERE id = :id", "said"),
    "other entry": ("UPDATE turn SET closed_entry = opened_entry WHERE id = :id", "turn.opened"),
    "entry": (
        "UPDATE ledger_entry SET payload = CAST(payload || ' ' AS BLOB) WHERE type = 'turn.closed'",
        "does not lead to the root",
    ),
    "entry gone": (
        "DELETE FROM ledger_entry WHERE id = (SELECT opened_entry FROM turn WHERE id = :id)",
        "has no entry",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_whatever_was_changed_afterwards_is_a_cross(embedded: Served, sign_in: SignIn, name: str) -> None:
    turn = turn_of(embedded, STOP)
    sql, trace = TAMPERED[name]
    change(embedded, sql, id=turn)
    page = sign_in(embedded, Role.OWNER).post(f"/turns/{turn}/verify")

    assert page.status_code == 200
    assert "✗" in page.text
    assert "Something does not agree." in page.text
    assert trace in page.text


def test_a_turn_of_an_older_version_is_proved_by_its_moment(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, STOP)
    change(embedded, "UPDATE turn SET opened_entry = NULL, closed_entry = NULL WHERE id = :id", id=turn)
    client = sign_in(embedded, Role.OWNER)

    assert "Everything that can be checked agrees." in client.post(f"/turns/{turn}/verify").text
    assert client.get(f"/turns/{turn}/proof/closed.json").json()["kind"] == "zhengming inclusion proof v1"


@pytest.mark.parametrize("kind", ["opened", "closed"])
def test_a_downloaded_proof_is_what_the_command_line_checks(
    embedded: Served, sign_in: SignIn, tmp_path: Path, kind: str
) -> None:
    turn = turn_of(embedded, STOP)
    answer = sign_in(embedded, Role.OWNER).get(f"/turns/{turn}/proof/{kind}.json")
    saved = tmp_path / "proof.json"
    saved.write_bytes(answer.content)
    checked = CliRunner().invoke(
        ledger_app, ["check", str(saved), "--data", str(tmp_path), "--key", str(embedded.data / "ledger.pub")]
    )

    assert answer.headers["content-disposition"] == f'attachment; filename="turn-{turn}-{kind}.json"'
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.output)["turn"] == turn


def test_a_conversation_shows_its_turns_in_order_without_texts(embedded: Served, sign_in: SignIn) -> None:
    headers = {"X-Conversation-Id": "talk-1"}
    first = turn_of(embedded, REDACT, user="u1", extra_headers=headers)
    name = embedded.rows("SELECT conversation_id FROM turn WHERE id = :id", id=first)[0][0]
    second = turn_of(embedded, STOP, user="u1", extra_headers=headers)
    change(embedded, "UPDATE turn SET conversation_id = :name WHERE id = :id", name=name, id=second)
    client = sign_in(embedded, Role.OWNER)
    page = client.get(f"/conversations/{name}")

    assert page.text.index(first) < page.text.index(second)
    assert REDACT not in page.text
    assert f'href="/turns/{second}" rel="next"' in client.get(f"/turns/{first}").text
    assert f'href="/turns/{first}" rel="prev"' in client.get(f"/turns/{second}").text


def test_what_clients_named_is_written_as_text_and_never_as_markup(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, STOP)
    evil = '"><script>alert(1)</script>'
    change(
        embedded,
        "UPDATE turn SET model = :evil, upstream = :evil, conversation_id = :evil, key_id = :evil, person_id = :evil"
        " WHERE id = :id",
        evil=evil,
        id=turn,
    )
    change(embedded, "UPDATE turn_signal SET rule = :evil, place = :evil WHERE turn_id = :id", evil=evil, id=turn)
    client = sign_in(embedded, Role.OWNER)
    for page in (client.get("/turns"), client.get(f"/turns/{turn}"), client.post(f"/turns/{turn}/verify")):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    assert "<script>alert" not in client.get("/conversations/" + "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E").text


def test_a_service_that_is_gone_leaves_its_turns_readable(embedded: Served, sign_in: SignIn) -> None:
    turn = turn_of(embedded, STOP)

    def unit(tx: Tx) -> None:
        tx.run("DELETE FROM service WHERE id = :id", {"id": service.by_name(tx, "default").id})

    embedded.write(unit)
    page = sign_in(embedded, Role.OWNER).get(f"/turns/{turn}")

    assert page.status_code == 200
    assert "the service is gone" in page.text
