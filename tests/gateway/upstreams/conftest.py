"""Upstreams over HTTP that are closed after the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.gateway.upstreams.hostile import config

from zhengming.gateway.upstreams.client import HttpUpstream


@pytest.fixture
async def upstream_at() -> AsyncIterator[Callable[..., HttpUpstream]]:
    """Make upstreams, and close them after the test."""
    made: list[HttpUpstream] = []

    def make(url: str, **further: Any) -> HttpUpstream:
        made.append(HttpUpstream(config(url, **further)))
        return made[-1]

    yield make
    for upstream in made:
        await upstream.close()
