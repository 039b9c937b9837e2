"""Upstreams: the model APIs behind the gateway, and how each of them fares since the start. Read only."""

from __future__ import annotations

from typing import Final, NamedTuple

from starlette.responses import Response

from zhengming.console.asked import Asked, Page
from zhengming.core.words import Permission
from zhengming.gateway.upstreams import Target, UpstreamConfig, UpstreamHealth
from zhengming.gateway.upstreams.config import FILE_NAME, key_variable


class Route(NamedTuple):
    """A model alias and where it is asked, in order."""

    alias: str
    targets: tuple[Target, ...]


class Shown(NamedTuple):
    """One upstream: how it is described, how it fares, seconds until it may be asked again, a mean first byte in ms."""

    config: UpstreamConfig
    health: UpstreamHealth
    wait: float
    first_byte: float | None

    @property
    def variable(self) -> str:
        """The environment variable that holds its key unless its record names another."""
        return key_variable(self.config.name)


async def list_upstreams(asked: Asked) -> Response:
    """`GET /upstreams`: every upstream, its state, its counts, and the routes of the models."""
    pool = asked.console.gateway.upstreams
    waits = pool.waits()
    shown = [
        Shown(
            config,
            health,
            waits[config.name],
            health.first_byte_seconds * 1_000 / health.first_bytes if health.first_bytes else None,
        )
        for config, health in zip(pool.configs(), pool.health(), strict=True)
    ]
    aliases = pool.routes.aliases
    return asked.page(
        "upstreams/list.html",
        upstreams=shown,
        routes=[Route(alias, pool.routes.targets(alias)) for alias in aliases],
        passing=sorted(pool.routes.passing),
        default=pool.routes.default,
        started_at=asked.console.facts.started_at,
        file=asked.console.facts.data / FILE_NAME,
        written=(asked.console.facts.data / FILE_NAME).is_file(),
    )


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/upstreams", Permission.SEE_UPSTREAMS, list_upstreams, "Every upstream and how it fares."),
)
