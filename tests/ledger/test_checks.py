"""Checks of the whole ledger beside a server: one at a time, with their result, whatever becomes of the process."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from zhengming.core.errors import ConflictError, NotFoundError
from zhengming.ledger import Signer, checks
from zhengming.ledger.checks import Check
from zhengming.store import Store

Fill = Callable[[Store, int], list[str]]
NOW = 1_800_000_000_000


def begun(store: Store, name: str = "c1", now: int = NOW, instance: str = "here") -> Check:
    return store.write_sync(lambda tx: checks.begin(tx, name, who="ann", instance=instance, now=now))


def made(store: Store, signer: Signer, name: str = "c1", now: int = NOW) -> Check:
    """Make a check and wait until it ended."""
    checks.start(store, signer.public, begun(store, name, now), lambda: now + 5).join(timeout=30)
    return store.read_sync(lambda tx: checks.get(tx, name))


def test_an_untouched_ledger_passes_and_the_ledger_says_so(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 300)

    done = made(kept, signer)

    assert (done.state, done.size, done.done, done.finished_at) == (checks.PASSED, 300, 300, NOW + 5)
    assert done.findings() == ()
    (row,) = kept.read_sync(lambda tx: tx.rows("SELECT payload FROM ledger_entry WHERE type = 'ledger.checked'"))
    entry = json.loads(bytes(row[0]))
    assert (entry["check"], entry["who"], entry["ok"], entry["size"]) == ("c1", "ann", True, 300)


def test_a_changed_entry_is_named(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 300)
    kept.write_sync(lambda tx: tx.run("UPDATE ledger_entry SET payload = :p WHERE seq = 33", {"p": b"{}"}))

    done = made(kept, signer)

    assert done.state == checks.FAULTS
    assert [one.place for one in done.findings()] == ["entry 33"]
    assert done.result()["recorded"] is True


def test_a_ledger_that_takes_no_entry_any_more_still_leaves_its_result(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 3)
    kept.write_sync(lambda tx: tx.run("UPDATE ledger_head SET root = :root", {"root": bytes(32)}))

    done = made(kept, signer)

    assert done.state == checks.FAULTS
    assert {one.place for one in done.findings()} == {"head"}
    assert done.result()["recorded"] is False


def test_only_one_runs_at_a_time(kept: Store) -> None:
    begun(kept)

    with pytest.raises(ConflictError, match="by ann is under way"):
        begun(kept, "c2", NOW + 1000, "elsewhere")


def test_one_that_fell_silent_is_interrupted_and_stands_in_nobodys_way(kept: Store) -> None:
    silent = begun(kept)
    later = NOW + checks.SILENT + 1

    assert silent.state_at(later - 1) == checks.RUNNING
    assert silent.state_at(later) == checks.INTERRUPTED
    begun(kept, "c2", later)
    assert [(one.id, one.state) for one in kept.read_sync(checks.list_of)] == [
        ("c2", checks.RUNNING),
        ("c1", checks.INTERRUPTED),
    ]


def test_a_start_closes_the_checks_of_processes_that_are_gone(kept: Store) -> None:
    begun(kept)

    assert kept.write_sync(lambda tx: checks.close_orphans(tx, "here", NOW, silence=-1)) == 0
    assert kept.write_sync(lambda tx: checks.close_orphans(tx, "new", NOW)) == 0, "it may run on another server"
    assert kept.write_sync(lambda tx: checks.close_orphans(tx, "new", NOW, silence=-1)) == 1
    assert kept.read_sync(lambda tx: checks.get(tx, "c1")).state == checks.INTERRUPTED


def test_a_check_ends_when_its_store_is_closed(sqlite_url: str, signer: Signer) -> None:
    with Store.open(sqlite_url) as store:
        check = begun_without_ledger(store, signer)
    work = checks.start(store, signer.public, check, lambda: NOW)
    work.join(timeout=30)

    assert not work.is_alive()


def begun_without_ledger(store: Store, signer: Signer) -> Check:
    from zhengming.ledger import Ledger

    Ledger.attach(store, signer)
    return begun(store)


def test_a_check_that_is_not_there_is_named(kept: Store) -> None:
    with pytest.raises(NotFoundError, match="nothing"):
        kept.read_sync(lambda tx: checks.get(tx, "nothing"))
