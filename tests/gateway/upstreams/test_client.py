"""One upstream over HTTP, against a server that does everything wrong."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.gateway.upstreams.hostile import (
    REQUEST,
    STREAM_HEAD,
    Conversation,
    chunk,
    hostile,
    resident,
    self_signed,
    until,
    whole,
)

from zhengming.gateway.upstreams import (
    TimeOuts,
    UpstreamBroken,
    UpstreamConfigError,
    UpstreamRefused,
    UpstreamRequest,
    UpstreamTimeout,
    UpstreamTooLarge,
    read_whole,
)
from zhengming.gateway.upstreams.client import HttpUpstream
from zhengming.gateway.upstreams.config import Secret
from zhengming.gateway.upstreams.errors import UpstreamUnstarted, UpstreamUnusable

Make = Callable[..., HttpUpstream]
SHORT = TimeOuts(connect=0.3, first_byte=0.3, between_bytes=0.3, total=5.0)


async def test_a_whole_answer_comes_with_its_status_and_headers(upstream_at: Make) -> None:
    async with hostile(whole(b'{"ok":true}', headers=b"X-Request-Id: 7\r\n")) as server:
        answer = await upstream_at(server.url).open(REQUEST, "qwen")

        assert (answer.status, answer.headers["x-request-id"], answer.model) == (200, "7", "qwen")
        assert await read_whole(answer, 1000) == b'{"ok":true}'
        assert server.requests[0].body == b'{"model":"qwen"}'


async def test_the_request_says_what_it_must_and_nothing_of_the_client(upstream_at: Make) -> None:
    async with hostile(whole(b"{}")) as server:
        upstream = upstream_at(server.url, api_key=Secret("sk-up"))
        request = UpstreamRequest("POST", "/v1/responses", "chat", REQUEST.body_for, {"idempotency-key": "k1"})
        await (await upstream.open(request, "m")).close()

        head = server.requests[0].head.decode().lower()
        assert head.startswith("post /v1/responses http/1.1")
        assert "authorization: bearer sk-up" in head
        assert "accept-encoding: identity" in head
        assert "idempotency-key: k1" in head
        assert "content-type: application/json" in head
        assert "cookie" not in head


async def test_a_connection_is_used_again(upstream_at: Make) -> None:
    async with hostile(whole(b"{}")) as server:
        upstream = upstream_at(server.url)
        for _ in range(3):
            await read_whole(await upstream.open(REQUEST, "m"), 10)

        assert (server.connections, len(server.requests)) == (1, 3)


async def test_what_follows_an_answer_unasked_is_never_taken_for_the_next_one(upstream_at: Make) -> None:
    """An upstream that sends more than it announced must not give one person's answer to another."""
    surplus = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstale"
    sent = asyncio.Event()

    async def with_surplus(conversation: Conversation) -> None:
        await whole(b"first")(conversation)
        await sent.wait()
        await conversation.send(surplus)

    async with hostile(with_surplus, whole(b"second")) as server:
        upstream = upstream_at(server.url)
        assert await read_whole(await upstream.open(REQUEST, "m"), 10) == b"first"
        sent.set()
        (idle,) = next(iter(upstream._session.connector._conns.values()))  # type: ignore[union-attr]
        await until(lambda: idle[0].should_close or not idle[0].is_connected())

        assert await read_whole(await upstream.open(REQUEST, "m"), 10) == b"second"
        assert server.connections == 2


async def test_nobody_listens(upstream_at: Make) -> None:
    async with hostile(whole(b"")) as server:
        url = server.url

    with pytest.raises(UpstreamRefused, match="'main' cannot be reached") as caught:
        await upstream_at(url).open(REQUEST, "m")
    assert (caught.value.status, caught.value.repeatable) == (502, True)


async def test_silence_before_the_headers_is_a_time_out(upstream_at: Make) -> None:
    gone = asyncio.Event()

    async def silent(conversation: Conversation) -> None:
        await conversation.gone()
        gone.set()

    async with hostile(silent) as server:
        with pytest.raises(UpstreamTimeout, match=r"no byte of an answer within 0\.3 seconds") as caught:
            await upstream_at(server.url, timeouts=SHORT).open(REQUEST, "m")
        assert caught.value.status == 504
        await asyncio.wait_for(gone.wait(), 2)


async def test_silence_after_the_headers_is_a_time_out_before_the_first_byte(upstream_at: Make) -> None:
    async def headers_only(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD)
        await conversation.gone()

    async with hostile(headers_only) as server:
        with pytest.raises(UpstreamTimeout, match="no byte"):
            await upstream_at(server.url, timeouts=SHORT).open(REQUEST, "m")


async def test_silence_in_mid_stream_is_a_time_out_and_cuts_the_connection(upstream_at: Make) -> None:
    gone = asyncio.Event()

    async def halting(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(b"data: 1\n\n"))
        await conversation.gone()
        gone.set()

    async with hostile(halting) as server:
        answer = await upstream_at(server.url, timeouts=SHORT).open(REQUEST, "m")
        assert await answer.read() == b"data: 1\n\n"
        with pytest.raises(UpstreamTimeout, match="in the middle of an answer"):
            await answer.read()
        await asyncio.wait_for(gone.wait(), 2)
        assert await answer.read() == b""


async def test_a_slow_drip_that_never_ends_meets_the_total_limit(upstream_at: Make) -> None:
    async def dripping(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD)
        while True:
            await conversation.send(chunk(b": \n\n"))
            await asyncio.sleep(0.02)

    async with hostile(dripping) as server:
        times = TimeOuts(connect=1, first_byte=1, between_bytes=0.4, total=0.6)
        answer = await upstream_at(server.url, timeouts=times).open(REQUEST, "m")
        with pytest.raises(UpstreamTimeout):
            await read_whole(answer, 10**6)


async def test_a_break_in_mid_stream_is_told_from_an_end(upstream_at: Make) -> None:
    async def breaking(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(b"data: 1\n\n"))
        conversation.writer.close()

    async with hostile(breaking) as server:
        answer = await upstream_at(server.url).open(REQUEST, "m")
        assert await answer.read() == b"data: 1\n\n"
        with pytest.raises(UpstreamBroken, match="broke off in the middle"):
            await answer.read()


async def test_a_break_before_the_first_byte_may_be_repeated(upstream_at: Make) -> None:
    async def closing(conversation: Conversation) -> None:
        conversation.writer.close()

    async def headers_then_closing(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD)
        conversation.writer.close()

    async with hostile(closing, headers_then_closing) as server:
        upstream = upstream_at(server.url)
        for _ in range(2):
            with pytest.raises(UpstreamUnstarted) as caught:
                await upstream.open(REQUEST, "m")
            assert caught.value.repeatable


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"\x00\xff garbage that is no HTTP at all\r\n\r\n", id="garbage"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000 + b"\r\n\r\n", id="huge header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"x: 1\r\n" * 5_000 + b"\r\n", id="too many headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", id="negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", id="two lengths"),
    ],
)
async def test_what_is_no_http_answer_is_named_as_such(upstream_at: Make, head: bytes) -> None:
    async def reply(conversation: Conversation) -> None:
        await conversation.send(head)
        conversation.writer.close()

    async with hostile(reply) as server:
        with pytest.raises(UpstreamBroken):
            await upstream_at(server.url).open(REQUEST, "m")


async def test_garbage_between_chunks_is_a_break(upstream_at: Make) -> None:
    async def reply(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(b"data: 1\n\n"))
        await asyncio.sleep(0)
        await conversation.send(b"zz not a chunk size\r\n")
        await conversation.gone()

    async with hostile(reply) as server:
        with pytest.raises(UpstreamBroken):
            await read_whole(await upstream_at(server.url).open(REQUEST, "m"), 1000)


async def test_a_length_that_is_longer_than_the_body_is_a_break(upstream_at: Make) -> None:
    async def reply(conversation: Conversation) -> None:
        await conversation.send(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort")
        conversation.writer.close()

    async with hostile(reply) as server:
        answer = await upstream_at(server.url).open(REQUEST, "m")
        with pytest.raises(UpstreamBroken):
            await read_whole(answer, 1000)


async def test_an_announced_length_above_the_limit_is_refused_at_once(upstream_at: Make) -> None:
    async def reply(conversation: Conversation) -> None:
        await conversation.send(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n")
        await conversation.gone()

    async with hostile(reply) as server:
        with pytest.raises(UpstreamTooLarge) as caught:
            await upstream_at(server.url, max_response_bytes=1000).open(REQUEST, "m")
        assert caught.value.status == 502


async def test_a_hundred_megabytes_are_cut_off_and_never_held(upstream_at: Make) -> None:
    sent: list[int] = []

    async def flood(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD)
        sent.append(await conversation.send_until_cut(chunk(b"x" * 60_000)))

    async with hostile(flood) as server:
        answer = await upstream_at(server.url, max_response_bytes=100 * 1024 * 1024).open(REQUEST, "m")
        gc.collect()
        before = resident()
        sizes: list[int] = []
        highest = [before]

        async def drain() -> None:
            while piece := await answer.read():
                sizes.append(len(piece))
                highest[0] = max(highest[0], resident())

        with pytest.raises(UpstreamTooLarge):
            await drain()
        await until(lambda: bool(sent))

        assert sum(sizes) > 99 * 1024 * 1024
        assert highest[0] - before < 16 * 1024 * 1024


async def test_nothing_is_read_ahead_of_the_reader(upstream_at: Make) -> None:
    """Back-pressure: an upstream that floods is stopped by its socket while nobody asks."""
    stuck = asyncio.Event()
    sent = 0

    async def flood(conversation: Conversation) -> None:
        nonlocal sent
        await conversation.send(STREAM_HEAD)
        piece = chunk(b"x" * 60_000)
        while True:
            conversation.writer.write(piece)
            try:
                await asyncio.wait_for(conversation.writer.drain(), 0.3)
            except TimeoutError:
                stuck.set()
                return
            sent += len(piece)

    async with hostile(flood) as server:
        answer = await upstream_at(server.url).open(REQUEST, "m")
        await asyncio.wait_for(stuck.wait(), 10)
        held = sum(len(piece) for piece in answer._content._buffer)
        await answer.close()

        assert held <= 512 * 1024
        assert sent < 16 * 1024 * 1024


async def test_closing_is_seen_by_the_upstream_at_once(upstream_at: Make) -> None:
    async def endless(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(b"data: 1\n\n"))
        await conversation.gone()
        gone.set()

    gone = asyncio.Event()
    async with hostile(endless) as server:
        answer = await upstream_at(server.url).open(REQUEST, "m")
        await answer.close()
        await asyncio.wait_for(gone.wait(), 1)
        await answer.close()
        assert await answer.read() == b""


@pytest.mark.parametrize("phase", ["headers", "first byte", "mid-stream"])
async def test_cancelling_the_task_is_seen_by_the_upstream_at_once(upstream_at: Make, phase: str) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def reply(conversation: Conversation) -> None:
        if phase != "headers":
            await conversation.send(STREAM_HEAD)
        if phase == "mid-stream":
            await conversation.send(chunk(b"data: 1\n\n"))
        arrived.set()
        await conversation.gone()
        gone.set()

    async with hostile(reply) as server:
        upstream = upstream_at(server.url)

        async def turn() -> None:
            await read_whole(await upstream.open(REQUEST, "m"), 1000)

        task = asyncio.create_task(turn())
        await arrived.wait()
        for _ in range(5):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait_for(gone.wait(), 1)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_closing_does_not_wait_for_a_large_request_that_nobody_reads(upstream_at: Make) -> None:
    """The upstream answers before it has read the body, and never reads it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM_HEAD + chunk(b"data: 1\n\n"))
        try:
            while not writer.transport.is_closing():
                writer.write(chunk(b": \n\n"))
                await asyncio.sleep(0.01)
        finally:
            gone.set()
            writer.close()

    gone = asyncio.Event()
    listener = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1024)
    async with listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        large = UpstreamRequest("POST", "/v1/chat/completions", "chat", lambda _: b"x" * 20_000_000)
        answer = await upstream_at(url).open(large, "m")
        await answer.close()
        await asyncio.wait_for(gone.wait(), 2)


async def test_redirects_are_not_followed(upstream_at: Make) -> None:
    async with hostile(whole(b"", "307 Temporary Redirect", b"location: http://127.0.0.1:1/\r\n")) as server:
        with pytest.raises(UpstreamUnusable, match="redirect"):
            await upstream_at(server.url).open(REQUEST, "m")
        assert len(server.requests) == 1


async def test_a_compressed_answer_is_refused_since_nobody_could_judge_it(upstream_at: Make) -> None:
    async with hostile(whole(b"\x1f\x8b", headers=b"content-encoding: gzip\r\n")) as server:
        with pytest.raises(UpstreamUnusable, match="compressed"):
            await upstream_at(server.url).open(REQUEST, "m")


async def test_an_error_status_is_an_answer(upstream_at: Make) -> None:
    body = b'{"error":{"message":"no such model"}}'
    async with hostile(whole(body, "404 Not Found")) as server:
        answer = await upstream_at(server.url).open(REQUEST, "m")
        assert (answer.status, await read_whole(answer, 1000)) == (404, body)


async def test_an_empty_answer_ends_at_once(upstream_at: Make) -> None:
    async with hostile(whole(b"")) as server:
        assert await read_whole(await upstream_at(server.url).open(REQUEST, "m"), 1000) == b""


async def test_a_whole_body_above_the_readers_limit_is_an_error(upstream_at: Make) -> None:
    async with hostile(whole(b"x" * 100)) as server:
        with pytest.raises(UpstreamTooLarge):
            await read_whole(await upstream_at(server.url).open(REQUEST, "m"), 99)


async def test_tls_holds_to_the_configured_authority(tmp_path: Path, upstream_at: Make) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with hostile(whole(b"{}"), tls=context) as server:
        with pytest.raises(UpstreamRefused, match="cannot be reached"):
            await upstream_at(server.url).open(REQUEST, "m")
        answer = await upstream_at(server.url, ca_file=str(certificate)).open(REQUEST, "m")
        assert await read_whole(answer, 10) == b"{}"


async def test_an_authority_file_without_a_certificate_is_named(tmp_path: Path, upstream_at: Make) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(UpstreamConfigError, match="ca_file"):
        upstream_at("https://127.0.0.1:1/v1", ca_file=str(file))
