"""A ledger on each kind of database, and a quick way to fill it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zhengming.core.words import EventType
from zhengming.ledger import Ledger, Signer, append
from zhengming.store import Store

Fill = Callable[[Store, int], list[str]]


@pytest.fixture
def signer() -> Signer:
    return Signer(bytes(range(32)))


@pytest.fixture
def kept(store: Store, signer: Signer) -> Store:
    """A store with a ledger attached."""
    Ledger.attach(store, signer)
    return store


@pytest.fixture
def fill() -> Fill:
    """Append a number of entries in one unit and return their ids."""

    def fill(store: Store, count: int) -> list[str]:
        return store.write_sync(
            lambda tx: [append(tx, EventType.TURN_CLOSED, {"turn": number, "who": "甲"}) for number in range(count)]
        )

    return fill
