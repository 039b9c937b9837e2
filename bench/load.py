"""A load generator in a process of its own: plain sockets, so that it costs less than what it measures.

Run as `python -m bench.load '<JSON of a Job>'`; prints one JSON object with counts and times.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import orjson
import uvloop

_CONTENT: Final = re.compile(rb'"content":\s?"[^"]')
_STOPPED: Final = b"content_filter"
_QUESTIONS: Final = (
    "请介绍一下怎样在家里种一盆薄荷，需要多少阳光和水，冬天怎样照顾，叶子什么时候可以摘。",
    "Please explain how a bicycle stays upright, and why it is easier to balance when it moves faster.",
    "周末想带孩子去郊外走走，请安排一天的行程，路上不要太赶，中午最好有树荫可以休息。",
    "What should I think about before I repaint a small room, and in which order should I do it?",
)
_STAGGER: Final = 0.0137  # clients do not start in step; incommensurable with the pace of the model
_SYSTEM: Final = "You are a helpful assistant. 请用简洁、友好的语气回答。"


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask: `model` of the mock, `concurrency` connections, for `seconds`; then the turns under way end."""

    port: int
    model: str
    concurrency: int
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = "/v1/chat/completions"


class LoadError(Exception):
    """The server answered something else than an answer."""


@dataclass(slots=True)
class Tally:
    """What came back. Times are in seconds; `events` counts server-sent events that carry text."""

    requests: int = 0
    events: int = 0
    stopped: bool = False
    latencies: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)


def request_bytes(job: Job, number: int) -> bytes:
    """Return a request as a chat application sends it: two messages, one of 64 users, a question of its own."""
    question = f"{_QUESTIONS[number % len(_QUESTIONS)]} ({number})"
    body: dict[str, Any] = {
        "model": job.model,
        "messages": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": question}],
        "user": f"user-{number % 64}",
        "temperature": 0.7,
    }
    if job.model != "mock-whole":
        body["stream"] = True
    data = orjson.dumps(body)
    lines = [f"POST {job.path} HTTP/1.1", f"host: 127.0.0.1:{job.port}", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in job.headers.items()]
    lines += [f"content-length: {len(data)}", "", ""]
    return "\r\n".join(lines).encode() + data


async def _one(job: Job, number: int, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], tally: Tally) -> None:
    reader, writer = streams
    began = time.perf_counter()
    writer.write(request_bytes(job, number))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head[:16]:
        raise LoadError((head + await reader.read(1000)).decode("utf-8", "replace"))
    if b"chunked" in head.lower():
        await _chunked(reader, began, tally)
    else:
        length = int(re.search(rb"content-length:\s*(\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]  # or it raises
        tally.stopped |= _STOPPED in await reader.readexactly(length)
    if tally.stopped:
        raise LoadError("ordinary text was stopped: the patterns or the text of the benchmark are wrong")
    tally.requests += 1
    tally.latencies.append(time.perf_counter() - began)


async def _chunked(reader: asyncio.StreamReader, began: float, tally: Tally) -> None:
    first = True
    while size := int(await reader.readuntil(b"\r\n"), 16):
        data = (await reader.readexactly(size + 2))[:-2]
        found = len(_CONTENT.findall(data))
        if found and first:
            first = False
            tally.first.append(time.perf_counter() - began)
        tally.events += found
        tally.stopped |= _STOPPED in data
    await reader.readexactly(2)


async def run(job: Job) -> dict[str, Any]:
    """Run the job and return its figures. Raises LoadError with the answer when the server refuses."""
    tally = Tally()
    numbers = itertools.count()
    began = time.perf_counter()

    async def worker(index: int) -> None:
        await asyncio.sleep(index * _STAGGER)
        streams = await asyncio.open_connection("127.0.0.1", job.port, limit=2**20)
        try:
            while time.perf_counter() - began < job.seconds:
                await _one(job, next(numbers), streams, tally)
        finally:
            streams[1].close()

    async with asyncio.TaskGroup() as group:
        for index in range(job.concurrency):
            group.create_task(worker(index))
    elapsed = time.perf_counter() - began
    return {
        "requests": tally.requests,
        "seconds": elapsed,
        "events": tally.events,
        "requests_per_second": tally.requests / elapsed,
        "latency_p50_ms": _quantile(tally.latencies, 0.5) * 1000,
        "latency_p99_ms": _quantile(tally.latencies, 0.99) * 1000,
        "first_p50_ms": _quantile(tally.first, 0.5) * 1000,
        "first_p99_ms": _quantile(tally.first, 0.99) * 1000,
    }


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def command(job: Job) -> list[str]:
    """Return the command that runs a job in a process of its own."""
    return [sys.executable, "-m", "bench.load", json.dumps(asdict(job))]


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(Job(**json.loads(sys.argv[1]))))))
