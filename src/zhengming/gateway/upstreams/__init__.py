"""Upstreams: the model APIs that a gateway asks, and the rehearsal that stands in for one.

Start with :func:`assemble`; then `pool.open(request)` gives an answer whose pieces are read as they are wanted.
"""

from collections.abc import Mapping, Sequence

from zhengming.gateway.upstreams.breaker import BreakerSettings
from zhengming.gateway.upstreams.catalogue import ModelList
from zhengming.gateway.upstreams.client import HttpUpstream
from zhengming.gateway.upstreams.config import TimeOuts, UpstreamConfig, gather, parse_option, rehearsal_config
from zhengming.gateway.upstreams.errors import (
    UnknownModelError,
    UpstreamBroken,
    UpstreamConfigError,
    UpstreamError,
    UpstreamRefused,
    UpstreamResting,
    UpstreamTimeout,
    UpstreamTooLarge,
)
from zhengming.gateway.upstreams.headers import forwarded, returned
from zhengming.gateway.upstreams.pool import UpstreamHealth, UpstreamPool
from zhengming.gateway.upstreams.rehearsal import REHEARSALS, Rehearsal, RehearsalUpstream
from zhengming.gateway.upstreams.request import Answer, Upstream, UpstreamRequest, read_whole
from zhengming.gateway.upstreams.retry import RetryPolicy
from zhengming.gateway.upstreams.routes import RouteTable, Target


def assemble(
    configs: Sequence[UpstreamConfig],
    routes: Mapping[str, Sequence[str]] | None = None,
    *,
    policy: RetryPolicy | None = None,
    breaker: BreakerSettings | None = None,
    rehearsal_pause: float = 0.0,
) -> UpstreamPool:
    """Return the pool of the configured upstreams. Call it inside a running event loop; close the pool there.

    Raises UpstreamConfigError when names collide, a route names what does not exist, or a `ca_file` is unusable.
    """
    table = RouteTable(configs, routes)
    upstreams: list[Upstream] = [
        RehearsalUpstream(config, pause=rehearsal_pause) if config.rehearsal else HttpUpstream(config)
        for config in configs
    ]
    return UpstreamPool(upstreams, table, policy=policy, breaker=breaker)


__all__ = [
    "REHEARSALS",
    "Answer",
    "BreakerSettings",
    "ModelList",
    "Rehearsal",
    "RehearsalUpstream",
    "RetryPolicy",
    "RouteTable",
    "Target",
    "TimeOuts",
    "UnknownModelError",
    "UpstreamBroken",
    "UpstreamConfig",
    "UpstreamConfigError",
    "UpstreamError",
    "UpstreamHealth",
    "UpstreamPool",
    "UpstreamRefused",
    "UpstreamRequest",
    "UpstreamResting",
    "UpstreamTimeout",
    "UpstreamTooLarge",
    "assemble",
    "forwarded",
    "gather",
    "parse_option",
    "read_whole",
    "rehearsal_config",
    "returned",
]
