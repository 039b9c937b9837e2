"""A local model server as fast as asyncio allows: it stands behind every gateway of the benchmark.

The model name chooses what comes: `mock-whole` a whole answer, `mock-paced` a stream with 20 ms before every piece,
`mock-burst` the same pieces without a pause. Run as `python -m bench.mock_model PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final, cast

import orjson
import uvloop
from bench.ordinary import chunks, texts

PACE_SECONDS: Final = 0.02
PIECES: Final = {b"mock-paced": 100, b"mock-burst": 400}
_CREATED: Final = 1_767_225_600
_STREAM_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_END: Final = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(model: str, delta: dict[str, str], finish: str | None) -> bytes:
    payload = {
        "id": "chatcmpl-mock",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return _framed(b"data: " + orjson.dumps(payload) + b"\n\n")


def _stream(model: str, language: str, count: int) -> list[bytes]:
    pieces = [_event(model, {"content": piece}, None) for piece in chunks(language, count)]
    pieces[0] = _event(model, {"role": "assistant", "content": ""}, None) + pieces[0]
    return [*pieces, _event(model, {}, "stop") + _END]


def _with_length(content: object) -> bytes:
    body = orjson.dumps(content)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _whole(language: str) -> bytes:
    message = {"role": "assistant", "content": texts()[language][:300]}
    return _with_length(
        {
            "id": "chatcmpl-mock",
            "object": "chat.completion",
            "created": _CREATED,
            "model": "mock-whole",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 50, "completion_tokens": 150, "total_tokens": 200},
        }
    )


_LANGUAGES: Final = ("zh", "en")
_WHOLES: Final = [_whole(language) for language in _LANGUAGES]
_STREAMS: Final = {
    name: [_stream(name.decode(), language, count) for language in _LANGUAGES] for name, count in PIECES.items()
}
_MODELS: Final = _with_length(
    {"object": "list", "data": [{"id": name, "object": "model"} for name in ("mock-whole", "mock-paced", "mock-burst")]}
)


class MockModel(asyncio.Protocol):
    """One connection. Chinese and English answers alternate."""

    turn = 0

    def __init__(self) -> None:
        self._buffer = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature of asyncio
        """Stop streaming to a client that is gone."""
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._buffer += data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:head_end].lower()
            length_at = head.find(b"content-length:")
            length = int(head[length_at + 15 :].split(b"\r\n", 1)[0]) if length_at >= 0 else 0
            end = head_end + 4 + length
            if len(self._buffer) < end:
                return
            body, self._buffer = self._buffer[head_end + 4 : end], self._buffer[end:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get "):
            self._transport.write(_MODELS)
            return
        MockModel.turn += 1
        language = MockModel.turn % 2
        if b"mock-paced" in body:
            self._task = asyncio.get_running_loop().create_task(self._paced(_STREAMS[b"mock-paced"][language]))
        elif b"mock-burst" in body:
            self._task = asyncio.get_running_loop().create_task(self._burst(_STREAMS[b"mock-burst"][language]))
        else:
            self._transport.write(_WHOLES[language])

    async def _paced(self, pieces: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        self._transport.write(_STREAM_HEAD)
        began = loop.time()
        for number, piece in enumerate(pieces, 1):
            await asyncio.sleep(began + number * PACE_SECONDS - loop.time())
            self._transport.write(piece)

    async def _burst(self, pieces: list[bytes]) -> None:
        self._transport.write(_STREAM_HEAD)
        for piece in pieces:
            self._transport.write(piece)
            await asyncio.sleep(0)


async def serve(port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.get_running_loop().create_server(MockModel, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
