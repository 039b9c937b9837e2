"""Reads: snapshots, read-only, streamed in bounded memory."""

from __future__ import annotations

import asyncio
import threading

import pytest

from zhengming.core.errors import NotFoundError
from zhengming.store import Store, Tx, bump, version
from zhengming.store.readers import Reader


async def test_a_read_sees_one_snapshot(store: Store) -> None:
    store.write_sync(lambda tx: bump(tx, "x"))

    def query(tx: Tx) -> tuple[int, int]:
        before = version(tx, "x")
        store.write_sync(lambda writing: bump(writing, "x"))
        return before, version(tx, "x")

    assert await store.read(query) == (1, 1)
    assert await store.read(lambda tx: version(tx, "x")) == 2


async def test_many_reads_run_beside_writes(store: Store) -> None:
    async def both() -> int:
        await store.write(lambda tx: bump(tx, "x"))
        return await store.read(lambda tx: version(tx, "x"))

    found = await asyncio.gather(*(both() for _ in range(40)))
    assert max(found) == 40


async def test_a_store_says_how_many_queries_run_or_wait(store: Store) -> None:
    gate = threading.Event()
    reads = [asyncio.create_task(store.read(lambda _tx: gate.wait(10))) for _ in range(store.readers + 2)]
    await asyncio.sleep(0)

    assert store.reading == store.readers + 2
    gate.set()
    await asyncio.gather(*reads)
    assert store.reading == 0


def test_a_query_that_raises_gives_its_error_and_its_connection_back(store: Store) -> None:
    def query(_tx: Tx) -> None:
        raise NotFoundError("nothing here")

    for _ in range(20):
        with pytest.raises(NotFoundError):
            store.read_sync(query)
    assert store.read_sync(lambda tx: tx.one("SELECT 1")) == (1,)


def test_rows_are_streamed_in_lists(store: Store) -> None:
    rows = [{"name": f"n{number:05}", "value": number} for number in range(2500)]
    store.write_sync(lambda tx: tx.run_many("INSERT INTO shared_version VALUES (:name, :value)", rows))
    sizes = store.read_sync(
        lambda tx: [len(part) for part in tx.stream("SELECT name FROM shared_version ORDER BY name", size=1000)]
    )
    assert sizes == [1000, 1000, 500]


def test_a_reader_cannot_write(store: Store) -> None:
    store.write_sync(lambda tx: bump(tx, "x"))
    with Reader.open(store.url) as reader:
        assert reader.read_sync(lambda tx: version(tx, "x")) == 1
        with pytest.raises(Exception, match=r"read-?only"):
            reader.read_sync(lambda tx: bump(tx, "x"))
    assert store.read_sync(lambda tx: version(tx, "x")) == 1
