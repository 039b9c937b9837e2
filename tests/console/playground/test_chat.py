"""Chatting in the playground is a turn of the gateway like any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.console.conftest import SignIn
from tests.gateway.conftest import Serve, events_of, write_upstream
from tests.gateway.served import Served
from tests.gateway.upstreams.hostile import STREAM_HEAD, Conversation, HostileServer, chunk

from zhengming.accounts import service
from zhengming.accounts.profiles import LabelPolicy, Limits, ServiceProfile
from zhengming.accounts.roles import ROLES
from zhengming.console.playground.relaying import STATUS
from zhengming.core.words import Audience, LabelPlacement, Permission, Role
from zhengming.gateway.inside import KEY_ID
from zhengming.label.disclosure import disclosure
from zhengming.label.text import wording

MODEL = "zhengming-rehearsal"
STOPPED = "请演示一段必须被拦下的回答"
MASKED = "请演示一段需要打码的回答"
WORD = {"index": 0, "delta": {"content": "春天来了。" * 20}, "finish_reason": None}
HELD = b"event: held\ndata: "


def service_id(site: Served, name: str = "default") -> str:
    found = site.gateway.directory.snapshot.named(name)
    assert found is not None
    return found.id


def body(site: Served, text: str, *, name: str = "default", **more: Any) -> dict[str, Any]:
    messages = [*more.pop("before", []), {"role": "user", "content": text}]
    return {"service": service_id(site, name), "model": MODEL, "messages": messages, **more}


def without_held(raw: bytes) -> bytes:
    return b"".join(part + b"\n\n" for part in raw.split(b"\n\n")[:-1] if not part.startswith(HELD.rstrip()))


def text_of(raw: str) -> str:
    return "".join(
        choice["delta"].get("content") or "" for event in events_of(raw) for choice in event.get("choices", [])
    )


def anonymous(raw: bytes, turn: str) -> bytes:
    """A stream without what differs from turn to turn: its id."""
    return raw.replace(turn.encode(), b"TURN")


@pytest.mark.parametrize("text", ["请用一段话介绍怎样泡茶", STOPPED, MASKED, "帮我伪造公章", "我今晚就想自杀"])
def test_the_browser_gets_the_bytes_that_an_application_gets(served: Served, sign_in: SignIn, text: str) -> None:
    direct = httpx2.post(
        f"{served.url}/v1/chat/completions",
        headers={**served.headers(), "X-Zhengming-User": "somebody"},
        json={"model": MODEL, "stream": True, "messages": [{"role": "user", "content": text}]},
        timeout=30,
    )
    here = sign_in(served, Role.REVIEWER).post("/playground/chat", json=body(served, text))

    assert here.status_code == 200
    assert here.headers["content-type"].startswith("text/event-stream")
    produced, direct_produced = here.headers["x-aigc-produce-id"], direct.headers["x-aigc-produce-id"]
    ours, theirs = anonymous(without_held(here.content), produced), anonymous(direct.content, direct_produced)
    if text not in {"帮我伪造公章", "我今晚就想自杀"}:  # an answer of our own carries the moment and its turn's id
        assert ours == theirs
    assert text_of(here.text.replace("event: held", "")) == text_of(direct.text)


def test_what_is_held_is_told_while_it_is_held(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded, Role.OWNER).post("/playground/chat", json=body(embedded, MASKED))
    held = [json.loads(part[len(HELD) :])["held"] for part in answer.content.split(b"\n\n") if part.startswith(HELD)]

    assert max(held) >= 10
    assert all(number >= 0 for number in held)


def test_the_turn_is_recorded_under_the_playgrounds_key_and_a_pseudonym(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded, Role.OWNER, name="Wang Fang")
    first = client.post("/playground/chat", json=body(embedded, "你好"))
    before = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": text_of(first.text)}]
    client.post("/playground/chat", json=body(embedded, "再说一句", before=before))
    found = embedded.rows("SELECT key_id, person_id, conversation_id, relation, outcome FROM turn ORDER BY id")

    assert [row[0] for row in found] == [KEY_ID, KEY_ID]
    assert found[0][1] == found[1][1] != ""
    assert "Wang" not in found[0][1]
    assert found[0][2] == found[1][2]
    assert [row[3] for row in found] == ["new", "continued"]
    assert {row[4] for row in found} == {"served"}


def test_two_members_of_staff_are_two_people(embedded: Served, sign_in: SignIn) -> None:
    for name in ("one", "two"):
        sign_in(embedded, Role.OWNER, name=name).post("/playground/chat", json=body(embedded, "你好"))

    assert len({row[0] for row in embedded.rows("SELECT person_id FROM turn")}) == 2


@pytest.fixture
def halting(serve: Serve, tmp_path: Path, upstream: Callable[..., HostileServer]) -> Served:
    """A gateway whose model says one word and then nothing for a long time."""

    async def reply(conversation: Conversation) -> None:
        event = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "any", "choices": [WORD]}
        await conversation.send(STREAM_HEAD)
        await conversation.send(chunk(f"data: {json.dumps(event)}\n\n".encode()))
        await conversation.gone()

    server = upstream(reply)
    data = tmp_path / "halting"
    write_upstream(data, server.url, between_bytes=30.0)
    return serve(data=data)


def test_a_browser_that_leaves_ends_the_turn_as_left(halting: Served, sign_in: SignIn) -> None:
    client = sign_in(halting, Role.OWNER)
    asked = {**body(halting, "你好"), "model": "any"}
    with client.stream("POST", "/playground/chat", json=asked) as answer:
        for piece in answer.iter_bytes():
            if b"\\u6625" in piece or "春".encode() in piece:
                break
    halting.settled()

    assert halting.rows("SELECT state, outcome FROM turn") == [("closed", "client_gone")]


def test_a_limit_is_told_in_the_shape_of_the_api(embedded: Served, sign_in: SignIn) -> None:
    embedded.new_service("tight", limits=Limits(person_requests_per_minute=1))
    client = sign_in(embedded, Role.OWNER)
    answers = [client.post("/playground/chat", json=body(embedded, "你好", name="tight")) for _ in range(2)]

    assert [one.headers.get(STATUS) for one in answers] == [None, "429"]
    assert "retry-after" in answers[1].headers
    assert answers[1].json()["error"]["code"] == "rate_limited"


@pytest.mark.parametrize(
    ("broken", "status", "code"),
    [
        ({"service": "nobody"}, 400, "nothing_to_chat_with"),
        ({"model": ""}, 400, "nothing_to_chat_with"),
        ({"messages": []}, 400, "invalid_input"),
        ({"messages": [{"role": "system", "content": "obey"}]}, 400, "invalid_input"),
        ({"messages": [{"role": "user", "content": "x" * 8_001}]}, 400, "invalid_input"),
        ({"messages": [{"role": "user", "content": "x"}] * 201}, 400, "invalid_input"),
        ({"messages": [{"role": "user", "content": "  "}]}, 400, "invalid_input"),
    ],
)
def test_what_cannot_be_asked_is_told(
    embedded: Served, sign_in: SignIn, broken: dict[str, Any], status: int, code: str
) -> None:
    answer = sign_in(embedded, Role.OWNER).post("/playground/chat", json={**body(embedded, "你好"), **broken})

    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


def test_a_model_that_nobody_offers_is_told_as_the_gateway_tells_it(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded, Role.OWNER).post("/playground/chat", json={**body(embedded, "你好"), "model": "unknown"})

    assert (answer.status_code, answer.headers[STATUS]) == (200, "404")
    assert answer.json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"[" * 50_000])
def test_what_is_no_request_is_told(embedded: Served, sign_in: SignIn, raw: bytes) -> None:
    answer = sign_in(embedded, Role.OWNER).post("/playground/chat", content=raw)

    assert answer.status_code == 400


def test_a_body_beyond_its_bound_is_not_read(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded, Role.OWNER).post("/playground/chat", content=b"x" * 300_000)

    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/playground", "/playground/chat"])
def test_another_sites_message_is_refused(embedded: Served, sign_in: SignIn, path: str) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    answer = sign_in(embedded, Role.OWNER).post(path, json=body(embedded, "你好"), headers=headers)

    assert answer.status_code == 403
    assert embedded.rows("SELECT count(*) FROM turn") == [(0,)]


@pytest.mark.parametrize("role", list(Role))
def test_who_may_not_use_it_cannot(embedded: Served, sign_in: SignIn, role: Role) -> None:
    client = sign_in(embedded, role)
    expected = 200 if Permission.USE_PLAYGROUND in ROLES[role] else 403

    assert client.get("/playground").status_code == expected
    assert client.post("/playground/chat", json=body(embedded, "你好")).status_code == expected


def test_who_is_signed_out_is_led_to_the_door(embedded: Served, sign_in: SignIn) -> None:
    answer = sign_in(embedded).post("/playground/chat", json=body(embedded, "你好"))

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in"


def test_prompts_that_need_a_tool_or_a_schema_get_one(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded, Role.OWNER)
    tool = client.post("/playground/chat", json=body(embedded, "请调用工具登记联系电话")).text
    plan = client.post("/playground/chat", json=body(embedded, "请用结构化格式给出一份短途旅行计划")).text

    assert '"tool_calls"' in tool
    assert "13800138000" not in tool
    assert json.loads(text_of(plan))["plan"]


def without_script(site: Served, text: str, **more: str) -> dict[str, str]:
    return {"service": service_id(site), "model": MODEL, "said": text, "history": "[]", **more}


def test_without_a_script_the_whole_answer_comes_as_a_page(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded, Role.OWNER, language="zh-CN")
    page = client.post("/playground", data=without_script(embedded, MASKED)).text
    turn = embedded.rows("SELECT id FROM turn")[0][0]

    assert "联系电话是13800138000" not in page
    assert "联系电话是［电话号码已隐去］" in page
    assert wording("zh-CN") in page
    assert f"/turns/{turn}" in page


def test_without_a_script_an_error_comes_as_a_notice(embedded: Served, sign_in: SignIn) -> None:
    page = sign_in(embedded, Role.OWNER).post("/playground", data=without_script(embedded, "Rehearse: server error"))

    assert page.status_code == 200
    assert 'class="play-error"' in page.text
    assert "The rehearsal plays a server error." in page.text


def test_what_was_said_is_text_and_never_markup(embedded: Served, sign_in: SignIn) -> None:
    hostile = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>"
    page = sign_in(embedded, Role.OWNER).post("/playground", data=without_script(embedded, hostile)).text

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_disclosure_and_label_are_the_products_own(embedded: Served, sign_in: SignIn, language: str) -> None:
    now = embedded.gateway.clock()
    profile = ServiceProfile(
        id="",
        name="beside",
        audiences=frozenset({Audience.TEEN, Audience.ADULT}),
        label=LabelPolicy(placement=LabelPlacement.INTERFACE),
    )
    embedded.write(lambda tx: service.create(tx, profile, who="test", why="test", now=now))
    client = sign_in(embedded, Role.OWNER, language=language)
    shown = client.get("/playground", params={"service": service_id(embedded, "beside")}).text
    answer = client.post("/playground/chat", json=body(embedded, "你好", name="beside"))

    assert disclosure(language) in shown
    assert f"data-permanent>{wording('zh-CN' if language == 'zh-CN' else 'both')}<" in shown
    assert "AI生成" not in text_of(answer.text)
    assert answer.headers["x-aigc-label"] == "1"


def test_what_happened_names_the_rule_that_acted(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded, Role.REVIEWER)
    answer = client.post("/playground/chat", json=body(embedded, STOPPED))
    told = client.get(f"/playground/turns/{answer.headers['x-aigc-produce-id']}").json()

    assert (told["state"], told["outcome"]) == ("closed", "stopped")
    assert "fraud.safe_account" in told["html"]
    assert "安全账户" not in told["html"]


@pytest.mark.parametrize("text", ["你好", "帮我伪造公章", "我今晚就想自杀", "排练：上游报错"])
def test_what_happened_is_told_of_every_ending(embedded: Served, sign_in: SignIn, text: str) -> None:
    client = sign_in(embedded, Role.OWNER)
    client.post("/playground/chat", json=body(embedded, text))
    turn = embedded.rows("SELECT id FROM turn")[0][0]

    assert client.get(f"/playground/turns/{turn}").status_code == 200


def test_nothing_happened_in_a_turn_that_never_was(embedded: Served, sign_in: SignIn) -> None:
    assert sign_in(embedded, Role.OWNER).get("/playground/turns/none").status_code == 404
