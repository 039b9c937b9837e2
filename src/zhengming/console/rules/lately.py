"""How often a rule acted lately: a bounded search of the same turns that its link leads to."""

from __future__ import annotations

from typing import Final, NamedTuple

from zhengming.console.asked import Asked
from zhengming.core.words import Permission
from zhengming.gateway.turns import reading
from zhengming.gateway.turns.filters import TurnFilter

DAYS: Final = 7
_MOST: Final = 100
_DAY: Final = 86_400_000


class Lately(NamedTuple):
    """`number` turns since `since` (ms UTC); `more` when the search stopped before it had seen them all."""

    number: int
    since: int
    more: bool


async def lately(asked: Asked, rule_id: str) -> Lately | None:
    """Return in how many turns a rule spoke in the last days; None for somebody who may not see turns."""
    if not asked.can(Permission.SEE_TURNS):
        return None
    since = asked.now - DAYS * _DAY
    wanted = TurnFilter(rule=rule_id, since=since)
    page = await asked.console.gateway.store.read(lambda tx: reading.find(tx, wanted, limit=_MOST))
    return Lately(len(page.rows), since, page.older is not None or page.searched_to is not None)
