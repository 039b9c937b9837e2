"""What is old goes in bounded units; what is not, stays; a setting of 0 keeps it for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from zhengming.app import compose, housekeeping
from zhengming.app.housekeeping import chores
from zhengming.app.settings import Settings
from zhengming.core.ids import new_uuid
from zhengming.gateway.context import Gateway
from zhengming.store import Store, Tx
from zhengming.store.migrate import upgrade_apart
from zhengming.web import sessions

NOW = 1_800_000_000_000
DAY_MS = 86_400_000


def _old_rows(tx: Tx) -> None:
    """A session, a sign-in and a fingerprint for each of some ages in days."""
    for days in (0, 50, 399, 401, 900):
        at = NOW - days * DAY_MS
        sessions.start(tx, "staff", secret=sessions.new_secret(), now=at)
        tx.run(
            "INSERT INTO sign_in (id, name, at, outcome, address, agent) VALUES (:id, '', :at, 'wrong', '', '')",
            {"id": new_uuid(milliseconds=at), "at": at},
        )
        tx.run(
            "INSERT INTO conversation_node (node, conversation_id, followed, instructions, length, rules_version,"
            " seen_at) VALUES (:node, 'c', 0, :node, 1, '', :at)",
            {"node": days.to_bytes(32), "at": at},
        )


def _left(store: Store) -> dict[str, list[int]]:
    """The ages in days of what is left."""
    return {
        "web_session": _ages(store, "SELECT created_at FROM web_session"),
        "sign_in": _ages(store, "SELECT at FROM sign_in"),
        "conversation_node": _ages(store, "SELECT seen_at FROM conversation_node"),
    }


def _ages(store: Store, query: str) -> list[int]:
    return sorted((NOW - int(row[0])) // DAY_MS for row in store.read_sync(lambda tx: tx.rows(query)))


def _do_all(store: Store, settings: Settings) -> None:
    for chore in chores(settings, NOW):
        while store.write_sync(chore):
            pass


def test_what_is_older_than_the_settings_say_goes(store: Store) -> None:
    store.write_sync(_old_rows)

    _do_all(store, Settings(conversation_days=30))

    assert _left(store) == {"web_session": [0, 50], "sign_in": [0, 50, 399], "conversation_node": [0]}


def test_nought_keeps_for_ever(store: Store) -> None:
    store.write_sync(_old_rows)

    _do_all(store, Settings(conversation_days=0, sign_in_days=0, fine_count_days=0))

    assert _left(store)["sign_in"] == _left(store)["conversation_node"] == [0, 50, 399, 401, 900]


async def test_a_process_does_its_chores_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(housekeeping, "PAUSE_SECONDS", 0.0)
    settings = Settings(data=tmp_path / "data", durability="normal")
    settings.data.mkdir()
    await asyncio.to_thread(upgrade_apart, settings.database_url)
    async with compose.running_gateway(settings) as gateway:
        await gateway.store.write(_old_rows)  # the oldest is 900 days older than NOW, and the clock is near it
        async with asyncio.timeout(30):
            while await _count(gateway) == 5:
                pass


async def _count(gateway: Gateway) -> int:
    row = await gateway.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM sign_in"))
    return int(row[0]) if row else 0
