"""The one write path: group commit, isolation of failing units, back-pressure, closing under load."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from zhengming.core.errors import UnavailableError
from zhengming.core.words import EventType
from zhengming.ledger import Ledger, Signer, append
from zhengming.ledger.verify import verify
from zhengming.store import Store, Tx, bump, version
from zhengming.store.errors import BusyError, RowConflictError, StoreUnavailableError
from zhengming.store.versions import versions

TABLE = "CREATE TABLE probe (id BIGINT PRIMARY KEY, turn BIGINT NOT NULL)"


def insert(number: int, turn: int = 0) -> Callable[[Tx], int]:
    def unit(tx: Tx) -> int:
        return tx.run("INSERT INTO probe (id, turn) VALUES (:id, :turn)", {"id": number, "turn": turn})

    return unit


def ids(store: Store) -> list[int]:
    return [row[0] for row in store.read_sync(lambda tx: tx.rows("SELECT id FROM probe ORDER BY id"))]


@pytest.fixture
def probed(store: Store) -> Store:
    store.write_sync(lambda tx: tx.run(TABLE))
    return store


class Gate:
    """Holds the writer thread inside a unit, so that what is put meanwhile forms one batch."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def unit(self, _tx: Tx) -> None:
        """Stay in the writer thread until the gate is opened."""
        self.entered.set()
        assert self.opened.wait(10)


async def held(store: Store, gate: Gate) -> asyncio.Task[None]:
    task = asyncio.create_task(store.write(gate.unit))
    await asyncio.to_thread(gate.entered.wait, 10)
    return task


async def test_fifty_concurrent_turns_lose_and_double_nothing(probed: Store) -> None:
    async def turn(number: int) -> None:
        for step in range(20):
            assert await probed.write(insert(number * 20 + step, number)) == 1

    await asyncio.gather(*(turn(number) for number in range(50)))
    assert ids(probed) == list(range(1000))


async def test_waiting_units_share_one_transaction(probed: Store) -> None:
    gate = Gate()
    first = await held(probed, gate)
    seen: set[int] = set()
    waiting = [asyncio.create_task(probed.write(lambda tx: seen.add(id(tx)))) for _ in range(30)]
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(first, *waiting)
    assert len(seen) == 1


async def test_a_store_says_how_many_units_wait(probed: Store) -> None:
    gate = Gate()
    first = await held(probed, gate)
    rest = [asyncio.create_task(probed.write(insert(number))) for number in range(3)]
    await asyncio.sleep(0)

    assert probed.waiting == 3
    gate.opened.set()
    await asyncio.gather(first, *rest)
    assert probed.waiting == 0


async def test_a_failing_unit_fails_alone_and_leaves_nothing(probed: Store) -> None:
    gate = Gate()
    first = await held(probed, gate)

    def broken(tx: Tx) -> None:
        insert(5)(tx)
        raise ValueError("the unit changed its mind")

    units = [insert(1), broken, insert(2), insert(1), insert(3)]
    waiting = [asyncio.create_task(probed.write(unit)) for unit in units]
    await asyncio.sleep(0)
    gate.opened.set()
    results = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), int, ValueError, int, RowConflictError, int]
    assert ids(probed) == [1, 2, 3]


async def test_a_conflict_that_shows_only_at_the_end_fails_its_own_unit(probed: Store) -> None:
    Ledger.attach(probed, Signer(bytes(32)))
    gate = Gate()
    first = await held(probed, gate)

    def with_id(number: int, name: str) -> Callable[[Tx], str]:
        def unit(tx: Tx) -> str:
            insert(number)(tx)
            return append(tx, EventType.TURN_OPENED, {}, entry_id=name)

        return unit

    waiting = [asyncio.create_task(probed.write(with_id(*pair))) for pair in ((1, "a"), (2, "a"), (3, "b"))]
    await asyncio.sleep(0)
    gate.opened.set()
    results = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [results[1], type(results[2]), results[3]] == ["a", RowConflictError, "b"]
    assert ids(probed) == [1, 3]
    assert verify(probed, [Signer(bytes(32)).public]).size == 2


async def test_whatever_a_unit_raises_its_waiter_and_its_neighbours_are_told(probed: Store) -> None:
    def leave(error: BaseException) -> Callable[[Tx], None]:
        def unit(_tx: Tx) -> None:
            raise error

        return unit

    for error, told in ((StopIteration(), RuntimeError), (SystemExit(1), UnavailableError)):
        waiting = [probed.write(leave(error)), probed.write(lambda tx: bump(tx, "x"))]
        results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 20)
        assert isinstance(results[0], told)
    assert await probed.write(insert(1)) == 1


def test_a_single_failing_unit_is_rolled_back(probed: Store) -> None:
    with pytest.raises(RowConflictError, match="breaks a rule of its table"):
        probed.write_sync(lambda tx: tx.run_many("INSERT INTO probe VALUES (:id, 0)", [{"id": 1}, {"id": 1}]))
    assert ids(probed) == []


def test_a_mistake_in_the_sql_is_shown_as_it_is(store: Store) -> None:
    with pytest.raises(Exception, match="no_such_table") as caught:
        store.write_sync(lambda tx: tx.run("INSERT INTO no_such_table VALUES (1)"))
    assert not isinstance(caught.value, UnavailableError)


async def test_a_failing_commit_fails_every_unit_of_the_batch(probed: Store) -> None:
    probed.write_sync(lambda tx: tx.run("CREATE TABLE parent (id BIGINT PRIMARY KEY)"))
    probed.write_sync(
        lambda tx: tx.run("CREATE TABLE child (id BIGINT REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
    )
    gate = Gate()
    first = await held(probed, gate)
    orphan = asyncio.create_task(probed.write(lambda tx: tx.run("INSERT INTO child VALUES (7)")))
    good = asyncio.create_task(probed.write(insert(1)))
    await asyncio.sleep(0)
    gate.opened.set()
    results = await asyncio.gather(first, orphan, good, return_exceptions=True)
    assert [type(result) for result in results[1:]] == [StoreUnavailableError, StoreUnavailableError]
    assert ids(probed) == []
    assert await probed.write(insert(2)) == 1


async def test_too_many_waiting_units_are_refused_at_once(sqlite_url: str) -> None:
    with Store.open(sqlite_url, queue=2) as store:
        gate = Gate()
        first = await held(store, gate)
        waiting = [asyncio.create_task(store.write(lambda tx: bump(tx, "x"))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="2 writes wait"):
            await store.write(lambda tx: bump(tx, "x"))
        gate.opened.set()
        assert await asyncio.gather(first, *waiting) == [None, 1, 2]


async def test_a_batch_is_bounded(sqlite_url: str) -> None:
    with Store.open(sqlite_url, batch=8) as store:
        gate = Gate()
        first = await held(store, gate)
        sizes: list[list[None]] = []

        def unit(tx: Tx) -> None:
            if "units" not in tx.memo:
                tx.memo["units"] = []
                sizes.append(tx.memo["units"])
            tx.memo["units"].append(None)

        waiting = [asyncio.create_task(store.write(unit)) for _ in range(20)]
        await asyncio.sleep(0)
        gate.opened.set()
        await asyncio.gather(first, *waiting)
        assert [len(size) for size in sizes] == [8, 8, 4]


async def test_closing_under_load_writes_what_waits_and_refuses_what_comes(store_url: str) -> None:
    store = Store.open(store_url, durability="normal")
    store.write_sync(lambda tx: tx.run(TABLE))
    gate = Gate()
    first = await held(store, gate)
    waiting = [asyncio.create_task(store.write(insert(number))) for number in range(100)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(store.close))
    gate.opened.set()
    await asyncio.gather(first, *waiting, closing)
    with pytest.raises(UnavailableError, match="closed"):
        await store.write(insert(1000))
    with pytest.raises(UnavailableError, match="closed"):
        await store.read(lambda tx: tx.one("SELECT 1"))
    store.close()
    with Store.open(store_url) as again:
        assert ids(again) == list(range(100))


async def test_giving_up_the_wait_does_not_take_the_unit_back(probed: Store) -> None:
    gate = Gate()
    first = await held(probed, gate)
    waiting = asyncio.create_task(probed.write(insert(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.opened.set()
    await first
    await probed.write(insert(2))
    assert ids(probed) == [1, 2]


def test_a_callback_runs_after_commit_and_not_for_a_failed_unit(store: Store) -> None:
    called: list[str] = []

    def good(tx: Tx) -> None:
        tx.on_commit(lambda: called.append("good"))

    def bad(tx: Tx) -> None:
        tx.on_commit(lambda: called.append("bad"))
        raise KeyError("bad")

    with pytest.raises(KeyError):
        store.write_sync(bad)
    store.write_sync(good)
    assert called == ["good"]


def test_a_callback_that_raises_does_not_deny_what_is_stored(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    called: dict[str, None] = {}

    def unit(tx: Tx) -> int:
        tx.on_commit(lambda: called["missing"])
        return bump(tx, "x")

    assert store.write_sync(unit) == 1
    assert "callback after commit failed" in caplog.text


def test_ledger_entries_without_a_ledger_are_refused(store: Store) -> None:
    with pytest.raises(StoreUnavailableError, match="no ledger is attached"):
        store.write_sync(lambda tx: append(tx, EventType.TURN_OPENED, {}))


def test_version_rows_rise_by_one_and_are_polled_with_one_query(store: Store) -> None:
    assert store.read_sync(lambda tx: version(tx, "rules")) == 0
    assert [store.write_sync(lambda tx: bump(tx, "rules")) for _ in range(3)] == [1, 2, 3]
    store.write_sync(lambda tx: bump(tx, "keys"))
    assert store.read_sync(versions) == {"rules": 3, "keys": 1}


async def test_two_stores_on_one_database_lose_no_bump(store_url: str) -> None:
    with Store.open(store_url, durability="normal") as one, Store.open(store_url, durability="normal") as two:
        await asyncio.gather(*(store.write(lambda tx: bump(tx, "x")) for store in (one, two) for _ in range(50)))
        assert one.read_sync(lambda tx: version(tx, "x")) == 100


def test_units_from_many_threads_are_written(probed: Store) -> None:
    threads = [threading.Thread(target=probed.write_sync, args=(insert(number),)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(probed) == list(range(20))
