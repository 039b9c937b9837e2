"""The parts of the gateway benchmark whose mistakes would be believed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
from bench.gateway import BARE, FILTERED, LITELLM, OURS, _ratios
from bench.load import Job, LoadError, request_bytes, run
from bench.measure import BURST, PACED, WHOLE
from bench.mock_model import PIECES, MockModel
from bench.ordinary import chunks, patterns, texts, write_rules


def test_the_patterns_are_distinct_and_none_stands_in_the_ordinary_text() -> None:
    words = patterns(2000)
    tight = "".join(c for c in "".join(texts().values()).lower() if c.isalnum())

    assert len(set(words)) == 2000
    assert not [word for word in words if word in tight]
    assert patterns(100) == words[:100]


def test_the_rule_list_has_one_line_a_pattern(tmp_path: Path) -> None:
    lines = write_rules(tmp_path / "rules.csv", 50).read_text("utf-8").splitlines()
    assert lines[0] == "id,category,severity,literal"
    assert len(lines) == 51


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_piece_has_two_to_five_characters(language: str) -> None:
    found = chunks(language, 500)
    assert len(found) == 500
    assert {len(piece) for piece in found} == {2, 3, 4, 5}


async def test_the_load_counts_every_request_and_every_piece_of_the_mock() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(MockModel, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        whole = await run(Job(port, WHOLE, 2, 0.1))
        burst = await run(Job(port, BURST, 2, 0.1))

    assert whole["requests"] >= 2
    assert burst["events"] == burst["requests"] * PIECES[BURST.encode()]
    assert 0 < burst["first_p50_ms"] <= burst["latency_p50_ms"]


async def test_the_load_refuses_to_count_a_refusal_or_a_stopped_answer() -> None:
    answers = [
        b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
        b'HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n"content_filter"',
    ]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers.pop())
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for _ in range(2):
            with pytest.raises(ExceptionGroup) as caught:
                await run(Job(port, WHOLE, 1, 0.1))
            assert isinstance(caught.value.exceptions[0], LoadError)


def test_a_request_is_what_a_chat_application_sends() -> None:
    head, _, body = request_bytes(Job(1, PACED, 1, 1.0, {"authorization": "Bearer x"}), 7).partition(b"\r\n\r\n")
    content = orjson.loads(body)

    assert b"authorization: Bearer x" in head
    assert f"content-length: {len(body)}".encode() in head
    assert (content["stream"], content["user"], len(content["messages"])) == (True, "user-7", 2)


def test_ratios_are_ours_over_theirs_and_only_of_what_was_measured() -> None:
    def figures(scale: float) -> dict[str, list[dict[str, float]]]:
        one = dict.fromkeys(
            (
                "cpu_us_per_request",
                "cpu_us_per_chunk",
                "resident_mib",
                "first_p50_ms",
                "requests_per_second",
                "chunks_per_second",
            ),
            scale,
        )
        return {scenario: [one, one] for scenario in (WHOLE, PACED, BURST)}

    found = _ratios({BARE: figures(2.0), OURS: figures(4.0), LITELLM: figures(100.0)})

    assert found["cpu_request_vs_bare"] == 2.0
    assert found["cpu_chunk_vs_litellm"] == 0.04
    assert {"cpu_request_vs_litellm", "cpu_chunk_vs_bare", "memory_vs_litellm", "ttft_vs_bare"} <= set(found)
    assert not [name for name in found if name.endswith(FILTERED)]
    assert _ratios({BARE: figures(1.0)}) == {}
