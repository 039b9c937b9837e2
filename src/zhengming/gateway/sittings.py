"""The care state of conversations: kept in memory, written with the turn that changed it.

A replica that did not see the last turn reads the row; one process alone reads it only after a restart.
"""

from __future__ import annotations

from typing import Final

from zhengming.accounts.lru import Lru
from zhengming.care.state import FRESH, CareState
from zhengming.store import Store, Tx

_READ: Final = "SELECT state FROM conversation_care WHERE conversation_id = :id"
_WRITE: Final = (
    "INSERT INTO conversation_care (conversation_id, state, changed_at) VALUES (:id, :state, :now) "
    "ON CONFLICT (conversation_id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at"
)


class Sittings:
    """`shared` says that other processes serve the same conversations, so that memory alone cannot be trusted."""

    def __init__(self, store: Store, *, shared: bool, size: int = 50_000) -> None:
        self._store = store
        self._shared = shared
        self._known: Lru[str, CareState] = Lru(size)

    async def read(self, conversation_id: str, *, new: bool) -> CareState:
        """Return the state of a conversation; the initial one for a new conversation."""
        if new:
            return FRESH
        known = None if self._shared else self._known.get(conversation_id)
        if known is not None:
            return known
        row = await self._store.read(lambda tx: tx.one(_READ, {"id": conversation_id}))
        state = FRESH if row is None else CareState.from_bytes(bytes(row[0]))
        self._known.put(conversation_id, state)
        return state

    def remember(self, conversation_id: str, state: CareState) -> None:
        """Keep a state that is committed now."""
        self._known.put(conversation_id, state)


def write(tx: Tx, conversation_id: str, state: CareState, *, now: int) -> None:
    """Write a changed state in the turn's unit."""
    tx.run(_WRITE, {"id": conversation_id, "state": state.to_bytes(), "now": now})
