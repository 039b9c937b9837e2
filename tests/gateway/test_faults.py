"""When things go wrong: upstreams that refuse, hang, break off or talk garbage, and requests that are no requests."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import APIError, APIStatusError
from tests.gateway.conftest import Serve, events_of, write_upstream
from tests.gateway.served import Served
from tests.gateway.upstreams.hostile import STREAM_HEAD, Conversation, HostileServer, chunk, resident, whole

Upstream = Callable[..., HostileServer]
QUESTION: list[Any] = [{"role": "user", "content": "How do I brew tea?"}]


def event(content: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    body = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def post(served: Served, body: bytes, path: str = "/v1/chat/completions", **headers: str) -> tuple[int, bytes]:
    host, port = served.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("POST", path, body, {**served.headers(), **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def chat_body(*, stream: bool = False, text: str = "How do I brew tea?") -> bytes:
    return json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}).encode()


@pytest.fixture
def behind(serve: Serve, upstream: Upstream, tmp_path: Path) -> Callable[..., tuple[Served, HostileServer]]:
    """Serve in front of a hostile upstream."""

    def start(*replies: Any, timeouts: dict[str, float] | None = None, **settings: Any) -> tuple[Served, HostileServer]:
        server = upstream(*replies)
        data = tmp_path / "behind"
        write_upstream(data, server.url, **(timeouts or {}))
        return serve(data=data, **settings), server

    return start


def outcomes(served: Served) -> list[str]:
    return [row[0] for row in served.rows("SELECT outcome FROM turn ORDER BY opened_at")]


def test_an_error_of_the_upstream_keeps_its_status_and_shape(behind: Any) -> None:
    error = {"error": {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
    served, _ = behind(whole(json.dumps(error).encode(), "418 I'm a teapot"))

    with pytest.raises(APIStatusError) as caught:
        served.client().chat.completions.create(model="m", messages=QUESTION)

    assert caught.value.status_code == 418
    assert caught.value.code == "rate_limit_exceeded"
    assert outcomes(served) == ["failed"]


def test_an_error_without_json_gets_the_shape(behind: Any) -> None:
    served, _ = behind(whole(b"<html>no</html>", "403 Forbidden"))
    status, body = post(served, chat_body())

    assert status == 403
    assert json.loads(body)["error"]["code"] == "upstream_error"


def test_an_upstream_that_refuses_connections_is_named(serve: Serve, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    write_upstream(tmp_path / "data", f"http://127.0.0.1:{port}/v1")
    served = serve(data=tmp_path / "data")
    status, body = post(served, chat_body())

    assert status == 502
    assert json.loads(body)["error"]["code"] == "upstream_refused"
    assert outcomes(served) == ["failed"]


def test_an_upstream_that_hangs_is_given_up(behind: Any) -> None:
    async def hang(conversation: Conversation) -> None:
        await conversation.gone()

    served, _ = behind(hang, timeouts={"first_byte": 0.2})
    status, body = post(served, chat_body())

    assert status == 504
    assert json.loads(body)["error"]["code"] == "upstream_timeout"


def test_a_stream_that_breaks_off_keeps_what_was_safe_and_ends_in_an_error(behind: Any) -> None:
    async def break_off(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(event("Warm the pot. ")) + chunk(event("Call 1380013")))
        conversation.writer.transport.abort()

    served, _ = behind(break_off)
    said: list[str] = []
    stream = served.client().chat.completions.create(model="m", messages=QUESTION, stream=True)
    with pytest.raises(APIError):
        said.extend(part.choices[0].delta.content or "" for part in stream)

    assert "".join(said).startswith("Warm the pot. Call")
    assert outcomes(served) == ["failed"]


def test_garbage_in_a_stream_is_not_shown(behind: Any) -> None:
    async def garbage(conversation: Conversation) -> None:
        rubbish = b"data: {]secret garbage\n\n" + b"\x00\xff" * 50
        await conversation.send(STREAM_HEAD + chunk(event("Hello. ")) + chunk(rubbish) + b"0\r\n\r\n")

    served, _ = behind(garbage)
    status, body = post(served, chat_body(stream=True))

    assert status == 200
    assert b"secret garbage" not in body
    assert "error" in events_of(body.decode("utf-8", "replace"))[-1]
    assert served.rows("SELECT outcome FROM turn") == [("failed",)]


def test_a_whole_answer_that_is_garbage_becomes_an_error(behind: Any) -> None:
    served, _ = behind(whole(b'{"choices": [}'))
    status, body = post(served, chat_body())

    assert status == 502
    assert "error" in json.loads(body)
    assert outcomes(served) == ["failed"]


def test_an_answer_of_100_megabytes_is_cut_off_in_bounded_memory(behind: Any) -> None:
    async def flood(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD)
        piece = chunk(event("tea " * 2_000))
        for _ in range(100_000_000 // len(piece)):
            await conversation.send(piece)

    served, _ = behind(flood, timeouts={"between_bytes": 10.0}, max_answer_bytes=3_000_000)
    before = resident()
    status, body = post(served, chat_body(stream=True))

    assert status == 200
    assert events_of(body.decode())[-1]["error"]["code"] == "upstream_too_large"
    assert len(body) < 10_000_000
    assert resident() - before < 120_000_000


def test_a_client_that_leaves_cancels_the_upstream_at_once(behind: Any) -> None:
    cut = threading.Event()

    async def endless(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(event("Hello. ")))
        await conversation.gone()
        cut.set()

    served, _ = behind(endless, timeouts={"between_bytes": 60.0, "first_byte": 10.0})
    client = served.client()
    stream = client.chat.completions.create(model="m", messages=QUESTION, stream=True)
    next(iter(stream))
    stream.close()
    client.close()

    assert cut.wait(timeout=5)
    closed = threading.Event()
    while not closed.is_set():
        if outcomes(served) == ["client_gone"]:
            closed.set()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"not json", 400, None),
        (b"[]", 400, None),
        (b'{"model":"m"}', 400, None),
        (b'{"model":"m","messages":{}}', 400, None),
        (b'{"model":"m","messages":[{"role":"user","content":5}]}', 400, None),
        (b'{"model":"m","messages":[],"messages":[]}', 400, None),
        (b"[" * 100_000, 400, None),
        (b'{"model":"m","messages":[{"role":"user","content":' + b"[" * 100_000, 400, None),
        (b"{" + b" " * 2_000_000 + b"}", 413, "body_too_large"),
    ],
)
def test_a_request_that_is_none_gets_a_clear_error(serve: Serve, body: bytes, status: int, code: str | None) -> None:
    found, answer = post(serve(max_body_bytes=1_000_000), body)
    error = json.loads(answer)["error"]

    assert found == status
    assert error["message"]
    assert code in (None, error["code"])


def test_lone_surrogates_and_big_numbers_reach_the_upstream_byte_for_byte(behind: Any) -> None:
    served, server = behind(whole(b'{"id":"x","choices":[],"odd":1e400}'))
    message = b'{"role":"user","content":"a\\ud800b"}'
    body = b'{"model":"m","seed":123456789012345678901234567890,"x":1.0,"messages":[' + message + b"]}"
    status, _ = post(served, body)

    assert status == 200
    assert server.requests[0].body == body


def test_an_unknown_path_and_a_wrong_method_are_told(serve: Serve) -> None:
    served = serve()

    assert post(served, b"{}", "/v1/nothing")[0] == 404
    assert post(served, b"{}", "/v1/models")[0] == 405
