"""The rows of attempts to sign in, apart from signing in itself: forgetting them needs no passwords and no codes."""

from __future__ import annotations

from zhengming.core.ids import new_uuid
from zhengming.store.tx import Tx


def prune(tx: Tx, before: int, limit: int = 1_000) -> int:
    """Forget at most `limit` attempts from before a moment (ms UTC), the oldest first; return how many.

    Call again while it returns more than 0. The entries of the ledger stay.
    """
    edge = new_uuid(milliseconds=before, randomness=bytes(10))  # ids sort by the moment in them
    oldest = "SELECT id FROM sign_in WHERE id < :edge ORDER BY id LIMIT :limit"
    return tx.run(f"DELETE FROM sign_in WHERE id IN ({oldest})", {"edge": edge, "limit": limit})
