"""Browsers for the tests of the way in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.console.people import Browsers
from tests.gateway.conftest import embedded, serve, served
from tests.gateway.served import Served

__all__ = ["embedded", "serve", "served"]


@pytest.fixture
def browsers(embedded: Served) -> Iterator[Browsers]:
    """Open browsers on the embedded site."""
    with ExitStack() as stack:
        yield Browsers(embedded, stack)
