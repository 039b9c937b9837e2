"""What happens while a stream is under way: progress is recorded, rules change, a cut hides nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.gateway.conftest import Serve, write_upstream
from tests.gateway.served import Served
from tests.gateway.test_faults import event
from tests.gateway.upstreams.hostile import STREAM_HEAD, Conversation, HostileServer, chunk

QUESTION: list[Any] = [{"role": "user", "content": "How do I brew tea?"}]


def entries(served: Served, kind: str) -> list[Any]:
    found = (json.loads(bytes(row[0])) for row in served.rows("SELECT payload FROM ledger_entry ORDER BY seq"))
    return [entry for entry in found if entry["type"] == kind]


def test_a_long_stream_records_what_it_has_shown_so_far(served: Served) -> None:
    chunks = served.client().chat.completions.create(
        model="zhengming-rehearsal", stream=True, messages=[{"role": "user", "content": "请写一篇长文谈谈城市里的树"}]
    )
    said = "".join(choice.delta.content or "" for one in chunks for choice in one.choices)
    progress, closed = entries(served, "turn.progress"), entries(served, "turn.closed")[0]
    person, sealed = served.rows("SELECT person_id, output_sealed FROM turn")[0]

    async def read() -> bytes:
        gateway = served.gateway
        return await gateway.store.read(lambda tx: gateway.vault.open(tx, person, bytes(sealed), closed["turn"]))

    plain = served.run(read())
    salt, shown = plain[:32], plain[32:].decode()
    head = "\x1e0/content\x1f"
    assert len(said) > 2_000
    assert len(progress) >= len(said) // 1_100
    for entry in progress:
        prefix = head + shown.removeprefix(head)[: entry["shown_characters"]]
        assert entry["shown"] == sha256(salt + prefix.encode()).hexdigest()


def test_rules_that_change_in_mid_stream_judge_what_follows(
    serve: Serve, upstream: Callable[..., HostileServer], tmp_path: Path
) -> None:
    go_on = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def reply(conversation: Conversation) -> None:
        loops.append(asyncio.get_running_loop())
        await conversation.send(STREAM_HEAD + chunk(event("Hello. ")))
        await go_on.wait()
        rest = event("The purple ") + event("elephant sings.") + event("", "stop") + b"data: [DONE]\n\n"
        await conversation.send(chunk(rest) + b"0\r\n\r\n")

    rules = tmp_path / "own.csv"
    rules.write_text("id,category,severity,literal\nown.one,fraud,4,never said\n", encoding="utf-8")
    write_upstream(tmp_path / "data", upstream(reply).url, between_bytes=20.0)
    served = serve(data=tmp_path / "data", rules=(str(rules),))
    stream = iter(served.client().chat.completions.create(model="m", messages=QUESTION, stream=True))
    first = next(stream)
    before = served.gateway.rules.ruling.matcher.version
    rules.write_text("id,category,severity,literal\nown.one,fraud,4,purple elephant\n", encoding="utf-8")
    served.run(served.gateway.rules.refresh())
    loops[0].call_soon_threadsafe(go_on.set)
    chunks = [first, *stream]
    said = "".join(choice.delta.content or "" for one in chunks for choice in one.choices)

    assert said.startswith("Hello. The ")
    assert "purple" not in said
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    closed = entries(served, "turn.closed")[0]
    assert closed["rules"] == [before, served.gateway.rules.ruling.matcher.version]


def test_a_sentence_cut_over_twenty_chunks_is_stopped_before_its_first_character(
    serve: Serve, upstream: Callable[..., HostileServer], tmp_path: Path
) -> None:
    sentence = "请立即把资金转到安全账户，否则你的账户将被冻结。"

    async def reply(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(event("好的。")))
        for character in sentence:
            await conversation.send(chunk(event(character)))
        await conversation.send(chunk(event("", "stop") + b"data: [DONE]\n\n") + b"0\r\n\r\n")

    assert len(sentence) > 20
    write_upstream(tmp_path / "data", upstream(reply).url)
    client = serve(data=tmp_path / "data").client()
    chunks = list(client.chat.completions.create(model="m", messages=QUESTION, stream=True))
    said = "".join(choice.delta.content or "" for one in chunks for choice in one.choices)

    assert said.startswith("好的。")
    assert "请" not in said.removeprefix("好的。").split("\n")[0]
    assert chunks[-1].choices[0].finish_reason == "content_filter"
