"""The rehearsal as an upstream: the same interface as an endpoint over HTTP, with faults that can be asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from zhengming.gateway.upstreams.config import UpstreamConfig, rehearsal_config
from zhengming.gateway.upstreams.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from zhengming.gateway.upstreams.rehearsal import chat, completions, embeddings, responses
from zhengming.gateway.upstreams.rehearsal.asked import (
    Asked,
    Unreadable,
    parse,
    read_chat,
    read_completion,
    read_responses,
)
from zhengming.gateway.upstreams.rehearsal.cutting import noise, seed_of
from zhengming.gateway.upstreams.rehearsal.script import fault_of, scripts_for
from zhengming.gateway.upstreams.request import Ended, UpstreamRequest

CREATED: Final = 1_767_225_600  # 2026-01-01T00:00:00Z: the rehearsal reads no clock
_FAULT_AFTER: Final = 8  # pieces that come before a fault in mid-stream
_GARBAGE: Final = b'\xff\xfe<html>Bad Gateway</html>\r\n\x00{"choices": [}\n\n'
_JSON: Final = {"content-type": "application/json"}
_EVENTS: Final = {"content-type": "text/event-stream; charset=utf-8"}
_READERS: Final[dict[str, Callable[[Mapping[str, Any]], Asked]]] = {
    "/v1/chat/completions": read_chat,
    "/v1/completions": read_completion,
    "/v1/responses": read_responses,
}
_ERRORS: Final = {
    "error": (500, "server_error", "internal_error", "The rehearsal plays a server error."),
    "rate_limit": (429, "requests", "rate_limit_exceeded", "The rehearsal plays a rate limit."),
}


class RehearsalAnswer:
    """An answer of the rehearsal; see :class:`zhengming.gateway.upstreams.request.Answer`."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: Iterator[bytes],
        config: UpstreamConfig,
        model: str,
        *,
        pause: float = 0.0,
        fault: str = "",
    ) -> None:
        self.status = status
        self.headers = headers
        self.upstream = config.name
        self.model = model
        self.on_end: Ended | None = None
        self._body = body
        self._patience = config.timeouts.between_bytes
        self._pause = pause
        self._fault = fault
        self._sent = 0
        self._ended = False

    async def read(self) -> bytes:
        """Return the next bytes, b"" at the end."""
        if self._ended:
            return b""
        try:
            await asyncio.sleep(self._pause if self._sent else 0)
            if self._fault and self._sent >= _FAULT_AFTER:
                return await self._play()
        except BaseException as error:
            self._finish(error if isinstance(error, UpstreamError) else None, complete=False)
            raise
        self._sent += 1
        data = next(self._body, b"")
        if not data:
            self._finish(None, complete=True)
        return data

    async def close(self) -> None:
        """Let go."""
        self._finish(None, complete=False)

    async def _play(self) -> bytes:
        fault, self._fault = self._fault, ""
        if fault == "hang":
            await asyncio.sleep(self._patience)
            raise UpstreamTimeout(
                f"Upstream {self.upstream!r} was silent for too long in the middle of an answer (a rehearsed fault).",
                upstream=self.upstream,
            )
        if fault == "break_off":
            raise UpstreamBroken(
                f"Upstream {self.upstream!r} broke off in the middle of an answer (a rehearsed fault).",
                upstream=self.upstream,
            )
        self._body = iter(())
        return _GARBAGE

    def _finish(self, error: UpstreamError | None, *, complete: bool) -> None:
        if self._ended:
            return
        self._ended = True
        if self.on_end is not None:
            self.on_end(error, complete)


class RehearsalUpstream:
    """The built-in upstream.

    `pause` seconds lie between two pieces of a stream; `ragged` cuts the bytes of a stream anywhere, in the middle of
    an event or of a character, as a network may; `created` is the time stamp of every answer.
    """

    def __init__(
        self,
        config: UpstreamConfig | None = None,
        *,
        pause: float = 0.0,
        ragged: bool = False,
        created: int = CREATED,
    ) -> None:
        self.config = config or rehearsal_config()
        self._pause = pause
        self._ragged = ragged
        self._created = created

    async def open(self, request: UpstreamRequest, model: str) -> RehearsalAnswer:
        """Answer. Mistakes in the request become answers with status 400 or 404, as over HTTP."""
        try:
            return self._answer(request, model)
        except Unreadable as error:
            return self._error(400, "invalid_request_error", "invalid_request", str(error), model)

    async def close(self) -> None:
        """Nothing is held."""

    def _answer(self, request: UpstreamRequest, model: str) -> RehearsalAnswer:
        path = request.path
        if request.method == "GET":
            return self._listed(path, model)
        if path != "/v1/embeddings" and path not in _READERS:
            return self._error(404, "invalid_request_error", "not_found", f"No such path: {path[:200]}", model)
        body = parse(request.body_for(model))
        if body.get("model") not in self._models():
            return self._unknown(str(body.get("model")))
        if path == "/v1/embeddings":
            return self._json(embeddings.whole(body), model)
        return self._text(path, _READERS[path](body), body)

    def _listed(self, path: str, model: str) -> RehearsalAnswer:
        if path == "/v1/models":
            return self._json({"object": "list", "data": [self._model(name) for name in self._models()]}, model)
        name = path.removeprefix("/v1/models/")
        return self._json(self._model(name), model) if name in self._models() else self._unknown(name)

    def _text(self, path: str, asked: Asked, body: Mapping[str, Any]) -> RehearsalAnswer:
        fault = fault_of(asked)
        if fault in _ERRORS:
            status, kind, code, message = _ERRORS[fault]
            return self._error(status, kind, code, message, asked.model)
        scripts = scripts_for(asked)
        identity = seed_of(path, asked.model, asked.message, asked.prompt_length)[:16]
        created = self._created
        if path == "/v1/responses":
            given = (asked, scripts[0], identity, created, body)
            if asked.stream:
                return self._events(responses.stream(*given), asked, fault)
            return self._json(responses.whole(*given), asked.model, fault)
        shape = chat if path == "/v1/chat/completions" else completions
        if asked.stream:
            return self._events(shape.stream(asked, scripts, identity, created), asked, fault)
        return self._json(shape.whole(asked, scripts, identity, created), asked.model, fault)

    def _events(self, events: Iterator[bytes], asked: Asked, fault: str) -> RehearsalAnswer:
        body = _ragged(events, seed_of("ragged", asked.message)) if self._ragged else events
        return RehearsalAnswer(200, _EVENTS, body, self.config, asked.model, pause=self._pause, fault=fault)

    def _json(self, content: dict[str, Any], model: str, fault: str = "", status: int = 200) -> RehearsalAnswer:
        data = orjson.dumps(content)
        if fault:  # in a whole answer the fault comes in the middle of the body as well
            step = max(1, len(data) // (2 * _FAULT_AFTER))
            pieces = iter([data[at : at + step] for at in range(0, len(data), step)])
        else:
            pieces = iter([data])
        return RehearsalAnswer(status, _JSON, pieces, self.config, model, fault=fault)

    def _error(self, status: int, kind: str, code: str, message: str, model: str) -> RehearsalAnswer:
        content = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        answer = self._json(content, model, status=status)
        if status == _ERRORS["rate_limit"][0]:
            answer.headers = {**_JSON, "retry-after": "20"}
        return answer

    def _unknown(self, name: str) -> RehearsalAnswer:
        message = f"The rehearsal has no model {name[:200]!r}; it has {', '.join(self._models())}."
        return self._error(404, "invalid_request_error", "model_not_found", message, name)

    def _models(self) -> list[str]:
        return list(dict.fromkeys(self.config.models.values()))

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created, "owned_by": "zhengming"}


def _ragged(events: Iterator[bytes], seed: str) -> Iterator[bytes]:
    numbers = noise(seed)
    left = b"".join(events)
    while left:
        size = 1 + next(numbers) % 64
        piece, left = left[:size], left[size:]
        yield piece
