"""Which models a client may name, for `GET /v1/models`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import orjson

from zhengming.gateway.upstreams.errors import UpstreamError
from zhengming.gateway.upstreams.pool import UpstreamPool
from zhengming.gateway.upstreams.request import SUCCESS, UpstreamRequest, read_whole

_MOST_BYTES: Final = 4 * 1024 * 1024
_KEPT_SECONDS: Final = 60.0


class ModelList:
    """The configured aliases in their order, then what upstreams that take every name say of themselves.

    Such a list is kept for a minute; an upstream that cannot be asked adds nothing, and is asked again next time.
    """

    def __init__(self, pool: UpstreamPool, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._kept: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def entries(self) -> list[dict[str, Any]]:
        """Return the models as entries of the OpenAI list."""
        routes = self._pool.routes
        entries = [_entry(alias, routes.targets(alias)[0].upstream) for alias in routes.aliases]
        for upstream in sorted(routes.passing):
            prefix = "" if routes.default else f"{upstream}/"
            entries += [_entry(prefix + name, upstream) for name in await self._names(upstream)]
        return list({entry["id"]: entry for entry in reversed(entries)}.values())[::-1]

    async def _names(self, upstream: str) -> tuple[str, ...]:
        until, names = self._kept.get(upstream, (0.0, ()))
        if names and self._clock() < until:
            return names
        try:
            answer = await self._pool.open_at(upstream, UpstreamRequest("GET", "/v1/models"))
            body = await read_whole(answer, _MOST_BYTES)
        except UpstreamError:
            return names
        if answer.status in SUCCESS and (found := _read(body)):
            names = found
            self._kept[upstream] = (self._clock() + _KEPT_SECONDS, names)
        return names


def _entry(name: str, upstream: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": upstream}


def _read(body: bytes) -> tuple[str, ...]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ()
    data = content.get("data") if isinstance(content, dict) else None
    records = data if isinstance(data, list) else []
    return tuple(one["id"] for one in records if isinstance(one, dict) and isinstance(one.get("id"), str))
