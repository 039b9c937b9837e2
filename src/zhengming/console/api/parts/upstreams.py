"""Upstreams: how each is described and how it fares in this process."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.values import Answer
from zhengming.core.words import Permission
from zhengming.gateway.upstreams.config import UpstreamConfig
from zhengming.gateway.upstreams.pool import UpstreamHealth


class Upstream(Answer):
    """An upstream. Counters are of this process since its start."""

    name: str = Field(examples=["main"])
    url: str = Field(description="Where it is asked; never its key.")
    has_key: bool
    rehearsal: bool = Field(description="The built-in upstream, which needs no network.")
    models: dict[str, str] = Field(description="Alias -> the upstream's own name; empty: every name is passed on.")
    state: str = Field(description="Of its circuit: `closed` (asked), `open` (left alone), `half_open` (tried).")
    wait_seconds: float = Field(description="Until it may be asked again; 0 for now.")
    in_flight: int
    requests: int
    failures: int
    retries: int
    statuses: dict[str, int] = Field(description="HTTP status -> how often.")
    errors: dict[str, int] = Field(description="Code of an error -> how often.")
    mean_first_byte_ms: float | None = Field(description="Until the first byte of successful answers; null for none.")


class UpstreamList(Answer):
    """Every upstream, in the order of the configuration."""

    instance: str = Field(description="The process that answered: each keeps its own counters.")
    upstreams: list[Upstream]


async def list_upstreams(call: Asking) -> UpstreamList:
    """Read how upstreams fare."""
    pool = call.gateway.upstreams
    waits = pool.waits()
    configs = {one.name: one for one in pool.configs()}
    found = [_upstream(configs[one.name], one, waits[one.name]) for one in pool.health()]
    return UpstreamList(instance=call.gateway.instance, upstreams=found)


def _upstream(config: UpstreamConfig, health: UpstreamHealth, wait: float) -> Upstream:
    mean = health.first_byte_seconds / health.first_bytes * 1000 if health.first_bytes else None
    return Upstream(
        name=config.name,
        url=config.url,
        has_key=bool(config.api_key),
        rehearsal=config.rehearsal,
        models=dict(config.models),
        state=health.state,
        wait_seconds=wait,
        in_flight=health.in_flight,
        requests=health.requests,
        failures=health.failures,
        retries=health.retries,
        statuses={str(status): count for status, count in health.statuses.items()},
        errors=health.errors,
        mean_first_byte_ms=mean,
    )


OPERATIONS: Final = (
    Operation(
        "GET",
        "/upstreams",
        Permission.SEE_UPSTREAMS,
        list_upstreams,
        "Every upstream: how it is described and how it fares in the process that answers.",
    ),
)
