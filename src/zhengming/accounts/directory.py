"""The directory: an in-process picture of services, keys and switches, and of the people lately seen.

Look-ups on the way of a turn are synchronous and touch no database. `run()` polls the version rows, so that what
another process changes (the command line, a replica) is in force within a second. While the database cannot be reached
the last picture stays in force, and its age can be read: a switch that was set stays set.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final, NamedTuple

import structlog

from zhengming.accounts import keys, people
from zhengming.accounts.keys import digest
from zhengming.accounts.lru import Lru
from zhengming.accounts.people import Person
from zhengming.accounts.snapshot import Grant, Snapshot, load
from zhengming.accounts.switches import Switch, in_force
from zhengming.core.errors import ZhengmingError
from zhengming.core.words import SwitchKind
from zhengming.store import Store
from zhengming.store.tx import Tx
from zhengming.store.versions import version

POLL_SECONDS: Final = 0.5
USE_SECONDS: Final = 60.0
_CHUNK: Final = 10_000

_log = structlog.get_logger(__name__)


class _Update(NamedTuple):
    snapshot: Snapshot
    people: list[Person]
    change: int
    more: bool


class Directory:
    """Services, keys, switches and people of one process. Make it, `await refresh()`, then let `run()` go on.

    One event loop only. `people_size` bounds the people kept in memory (about 300 bytes each).
    """

    def __init__(self, store: Store, *, people_size: int = 100_000) -> None:
        self.snapshot = Snapshot()
        self.failures = 0
        self.refreshed_at = 0.0
        self._store = store
        self._people: Lru[str, Person] = Lru(people_size)
        self._change = -1
        self._used: set[str] = set()
        self._refreshing = asyncio.Lock()

    def authenticate(self, secret: str) -> Grant | None:
        """Return what a key opens, None for an unknown or revoked one.

        Takes about 1 us, in a time that tells nothing of the secret: only its digest is compared.
        """
        grant = self.snapshot.grants.get(digest(secret))
        if grant is not None:
            self._used.add(grant.key_id)
        return grant

    def switch(
        self, kind: SwitchKind, now: int, *, service_id: str, function: str = "", persona: str = ""
    ) -> Switch | None:
        """Return the switch of this kind that is in force at `now` (ms), None when there is none."""
        standing = self.snapshot.switches
        if not standing:
            return None
        return in_force(standing, kind, now, service_id=service_id, function=function, persona=persona)

    async def person(self, person_id: str, service_id: str) -> Person:
        """Return what is known of an end user; read at most once while they stay in memory.

        Nobody is unknown to the caller: who was never heard of comes back without a band.
        """
        known = self._people.get(person_id)
        if known is not None:
            return known
        before = self._change
        found = await self._store.read(lambda tx: people.get(tx, person_id))
        person = found or Person(person_id, service_id, stand_in=False)
        if self._change == before >= 0:  # else a report may have passed between the read and now
            self._people.put(person_id, person)
        return person

    def forget(self, person_id: str) -> None:
        """Forget a person who was erased."""
        self._people.drop(person_id)

    async def refresh(self) -> bool:
        """Bring the picture up to date; whether anything changed. Raises what the store raises."""
        async with self._refreshing:
            changed = False
            more = True
            while more:
                update = await self._store.read(self._load)
                changed = changed or update.snapshot is not self.snapshot or update.change != self._change
                self.snapshot = update.snapshot
                self._apply(update)
                more = update.more
            self.refreshed_at = time.monotonic()
            return changed

    async def run(self, *, every: float = POLL_SECONDS, use_every: float = USE_SECONDS) -> None:
        """Refresh each `every` seconds and write the last use of keys each `use_every`, until cancelled.

        A store that fails is counted in `failures` and logged; the last picture stays in force.
        """
        flush_at = time.monotonic() + use_every
        while True:
            await asyncio.sleep(every)
            try:
                await self.refresh()
                if time.monotonic() >= flush_at:
                    flush_at = time.monotonic() + use_every
                    await self.flush()
            except Exception:  # noqa: BLE001 - whatever happens, a dead poller would leave switches unheard
                self.failures += 1
                _log.warning("directory.stale", failures=self.failures, exc_info=True)

    async def flush(self) -> None:
        """Write when keys were last used: the time of this call for every key used since the last one."""
        if not self._used:
            return
        now = time.time_ns() // 1_000_000
        used, self._used = dict.fromkeys(self._used, now), set()
        try:
            await self._store.write(lambda tx: keys.note_use(tx, used))
        except ZhengmingError:
            self._used.update(used)
            raise

    def _load(self, tx: Tx) -> _Update:
        snapshot = load(tx, self.snapshot, time.time_ns() // 1_000_000)
        newest = version(tx, people.VERSION)
        if self._change < 0 or newest == self._change:
            return _Update(snapshot, [], newest, more=False)
        changed, last = people.changed_since(tx, self._change, _CHUNK)
        full = len(changed) == _CHUNK
        return _Update(snapshot, changed, last if full else max(newest, last), more=full)

    def _apply(self, update: _Update) -> None:
        for person in update.people:
            if self._people.get(person.id) is not None:
                self._people.put(person.id, person)
        self._change = update.change
