"""The directory answers from memory, and hears of changes that other processes make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from zhengming.accounts import keys, service, switches
from zhengming.accounts.directory import Directory
from zhengming.accounts.keys import NewKey
from zhengming.accounts.people import Person
from zhengming.accounts.profiles import ServiceProfile
from zhengming.accounts.reports import Report, ReportKind, report_event
from zhengming.core.errors import UnavailableError
from zhengming.core.words import Audience, SwitchKind
from zhengming.ledger import Ledger, load_signer
from zhengming.store import Store, bump

NOW = 4_000_000_000_000  # later than any clock: switches are loaded by the real time


@asynccontextmanager
async def running(directory: Directory, **options: float) -> AsyncIterator[None]:
    task = asyncio.create_task(directory.run(every=0.02, **options))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Watched(Directory):
    """A directory that tells after each of its steps, so that a test waits for steps and not for time."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.step = asyncio.Event()

    async def refresh(self) -> bool:
        """Refresh, then tell, whether it went well or not."""
        try:
            return await super().refresh()
        finally:
            self.step.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for the step after which the condition holds."""
        async with asyncio.timeout(5):
            while not condition():
                self.step.clear()
                await self.step.wait()


async def test_a_key_opens_its_service_and_nothing_else_does(
    books: Store, profile: ServiceProfile, key: NewKey
) -> None:
    directory = Directory(books)
    assert directory.authenticate(key.secret) is None
    await directory.refresh()

    grant = directory.authenticate(key.secret)
    assert grant is not None
    assert (grant.key_id, grant.service) == (key.key.id, profile)
    assert sorted(grant.scopes) == ["chat", "report"]
    for wrong in ("", "zm-", key.secret[:-1], key.secret + "x", key.key.prefix, key.secret.upper(), "\ud800"):
        assert directory.authenticate(wrong) is None
    assert directory.snapshot.named("helper") == profile
    assert directory.snapshot.named("nobody") is None


async def test_a_refresh_says_whether_anything_changed(books: Store, key: NewKey) -> None:
    directory = Directory(books)
    assert await directory.refresh()
    before = directory.snapshot
    assert not await directory.refresh()
    assert directory.snapshot is before
    assert key.key.id == next(iter(before.grants.values())).key_id


async def test_a_switch_alone_does_not_read_the_keys_again(books: Store, key: NewKey) -> None:
    directory = Directory(books)
    await directory.refresh()
    before = directory.snapshot
    await books.write(lambda tx: switches.set_switch(tx, SwitchKind.STOP_GENERATION, who="a", why="b", now=NOW))
    assert await directory.refresh()
    assert directory.snapshot.grants is before.grants
    assert directory.snapshot.services is before.services
    assert key.key.id in {grant.key_id for grant in before.grants.values()}


async def test_what_another_process_changes_is_in_force_without_a_restart(
    books: Store, profile: ServiceProfile, key: NewKey, tmp_path: Path
) -> None:
    directory = Watched(books)
    await directory.refresh()
    with Store.open(books.url, durability="normal") as elsewhere:
        Ledger.attach(elsewhere, load_signer(tmp_path / "keys"))
        async with running(directory):
            switch = await elsewhere.write(
                lambda tx: switches.set_switch(tx, SwitchKind.STOP_GENERATION, who="ann", why="b", now=NOW)
            )
            await directory.until(
                lambda: directory.switch(SwitchKind.STOP_GENERATION, NOW, service_id=profile.id, function="chat")
            )
            await elsewhere.write(lambda tx: switches.lift(tx, switch.id, who="ann", why="b", now=NOW))
            await directory.until(
                lambda: directory.switch(SwitchKind.STOP_GENERATION, NOW, service_id=profile.id) is None
            )
            changed = replace(profile, producer="somebody")
            await elsewhere.write(lambda tx: service.update(tx, changed, who="a", why="b", now=NOW))
            await directory.until(lambda: directory.authenticate(key.secret).service == changed)  # type: ignore[union-attr]  # else fails
            await elsewhere.write(lambda tx: keys.revoke(tx, key.key.id, who="a", why="b", now=NOW))
            await directory.until(lambda: directory.authenticate(key.secret) is None)


async def test_the_last_use_of_a_key_is_written_in_batches(books: Store, key: NewKey) -> None:
    directory = Directory(books)
    await directory.refresh()
    for _ in range(100):
        directory.authenticate(key.secret)
    assert (await books.read(lambda tx: keys.get(tx, key.key.id))).last_used_at is None
    await directory.flush()
    used = (await books.read(lambda tx: keys.get(tx, key.key.id))).last_used_at
    assert used is not None
    await directory.flush()
    assert (await books.read(lambda tx: keys.get(tx, key.key.id))).last_used_at == used


async def test_running_writes_the_last_use_by_itself(books: Store, key: NewKey) -> None:
    directory = Watched(books)
    await directory.refresh()
    directory.authenticate(key.secret)
    async with running(directory, use_every=0.05):
        await directory.until(lambda: books.read_sync(lambda tx: keys.get(tx, key.key.id)).last_used_at)


async def report(store: Store, person: str, band: Audience | None, kind: ReportKind = ReportKind.AGE) -> None:
    told = Report(kind, person, "s", "k", band)
    assert (await store.write(lambda tx: report_event(tx, told, now=NOW))).allowed


async def test_a_person_is_read_once_and_a_report_from_elsewhere_is_heard(books: Store) -> None:
    directory = Directory(books)
    await directory.refresh()
    assert await directory.person("u_1", "s") == Person("u_1", "s", stand_in=False)
    assert await directory.person("u_1", "s") is await directory.person("u_1", "s")
    await report(books, "u_1", Audience.TEEN)
    assert (await directory.person("u_1", "s")).band is None
    assert await directory.refresh()
    assert (await directory.person("u_1", "s")).band is Audience.TEEN
    assert not await directory.refresh()
    directory.forget("u_1")
    assert (await directory.person("u_1", "s")).band is Audience.TEEN


async def test_many_reports_at_once_are_all_heard(books: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhengming.accounts.directory._CHUNK", 3)
    directory = Directory(books)
    await directory.refresh()
    names = [f"u_{number}" for number in range(10)]
    for name in names:
        await directory.person(name, "s")
    for name in names:
        await report(books, name, Audience.ELDER)
    await directory.refresh()
    assert [(await directory.person(name, "s")).band for name in names] == [Audience.ELDER] * 10


async def test_a_report_that_passes_while_a_person_is_read_is_not_lost(books: Store) -> None:
    directory = Directory(books)
    await directory.refresh()

    class Overtaken:
        """The same store, whose reader is so slow that a report and a refresh pass it by."""

        async def read(self, query: object) -> object:
            found: object = await books.read(query)  # type: ignore[arg-type]  # handed on as it came
            await report(books, "u_1", Audience.CHILD)
            directory._store = books
            await directory.refresh()
            return found

    directory._store = Overtaken()  # type: ignore[assignment]  # the one method that is used
    assert (await directory.person("u_1", "s")).band is None
    assert (await directory.person("u_1", "s")).band is Audience.CHILD


async def test_before_the_first_refresh_nobody_is_kept_in_memory(books: Store) -> None:
    directory = Directory(books)
    await directory.person("u_1", "s")
    await report(books, "u_1", Audience.CHILD)
    await directory.refresh()
    assert (await directory.person("u_1", "s")).band is Audience.CHILD


async def test_while_the_store_is_gone_the_last_picture_stays_in_force_and_failures_are_counted(
    sqlite_books: Store,
) -> None:
    profile = await sqlite_books.write(lambda tx: service.ensure_default(tx, NOW))
    assert profile is not None
    made = await sqlite_books.write(lambda tx: keys.create(tx, profile.id, who="a", now=NOW, secret="zm-1"))
    directory = Watched(sqlite_books)
    await directory.refresh()
    refreshed = directory.refreshed_at
    sqlite_books.close()
    async with running(directory):
        await directory.until(lambda: directory.failures >= 2)
    assert directory.refreshed_at == refreshed > 0
    assert directory.authenticate(made.secret) is not None
    with pytest.raises(UnavailableError):
        await directory.flush()
    assert directory._used == {made.key.id}


async def test_a_profile_that_cannot_be_read_does_not_stop_the_poller(books: Store, profile: ServiceProfile) -> None:
    directory = Watched(books)
    await directory.refresh()
    await books.write(lambda tx: (tx.run("UPDATE service SET profile = '{'"), bump(tx, service.VERSION)))
    async with running(directory):
        await directory.until(lambda: directory.failures >= 1)
        assert directory.snapshot.services[profile.id] == profile
        await books.write(
            lambda tx: (tx.run("UPDATE service SET profile = :p", {"p": profile.dumps()}), bump(tx, service.VERSION))
        )
        await directory.until(lambda: directory.snapshot.versions["services"] == 3)
