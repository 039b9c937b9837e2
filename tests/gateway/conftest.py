"""Gateways that serve: one on each database, one on SQLite for what does not depend on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.served import Served, serving

from zhengming.app.settings import Settings

Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start gateways with settings of the test's own; each has a data folder."""
    with ExitStack() as stack:
        count = 0

        def start(**settings: Any) -> Served:
            nonlocal count
            count += 1
            given = {
                "data": tmp_path / f"data{count}",
                "port": 0,
                "durability": "normal",
                "poll_seconds": 0.05,
                **settings,
            }
            return stack.enter_context(serving(Settings(**given)))

        yield start


@pytest.fixture
def served(store_url: str, serve: Serve, tmp_path: Path) -> Served:
    """A gateway with the rehearsal model, on each kind of database."""
    if store_url.startswith("sqlite"):
        return serve(data=tmp_path / "data")
    return serve(database=store_url)


@pytest.fixture
def embedded(sqlite_url: str, serve: Serve, tmp_path: Path) -> Served:
    """A gateway with the rehearsal model on SQLite."""
    assert sqlite_url
    return serve(data=tmp_path / "data")


def events_of(body: str) -> list[Any]:
    """The JSON of every `data:` line of a stream, `[DONE]` left out."""
    lines = [line[6:] for line in body.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]
