"""What is not needed for ever goes, an hourly little at a time, so that the writer is free for turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from zhengming.accounts import conversation_rows, sign_in_rows
from zhengming.app.settings import Settings
from zhengming.core.errors import ZhengmingError
from zhengming.gateway.context import Gateway
from zhengming.gateway.stats import pruning
from zhengming.store import Tx
from zhengming.web import sessions

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 3_600.0
PAUSE_SECONDS: Final = 0.2
_DAY: Final = 86_400_000

Chore = Callable[[Tx], int]


async def keep_house(gateway: Gateway, settings: Settings) -> None:
    """Do the chores every hour for as long as the process lives; what a store that is down hinders waits an hour."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await do_chores(gateway, settings)
        except ZhengmingError as error:
            gateway.metrics.store_errors.inc()
            log.warning("store.down", reason=repr(error))


async def do_chores(gateway: Gateway, settings: Settings) -> int:
    """Do every chore to its end in short units; return how many rows or stretches went. Raises UnavailableError."""
    gone = 0
    for chore in chores(settings, gateway.clock()):
        while done := await gateway.store.write(chore):
            gone += done
            await asyncio.sleep(PAUSE_SECONDS)
    if gone:
        log.info("house.kept", gone=gone)
    return gone


def chores(settings: Settings, now: int) -> list[Chore]:
    """Return what is to be done: units that each do a bounded piece, and return 0 once nothing is left to do."""
    found: list[Chore] = [lambda tx: sessions.prune(tx, now)]
    if settings.fine_count_days:
        counts = now - max(settings.fine_count_days, pruning.LEAST_DAYS) * _DAY
        found.append(lambda tx: pruning.prune(tx, counts))
    if settings.conversation_days:
        conversations = now - settings.conversation_days * _DAY
        found.append(lambda tx: conversation_rows.prune(tx, conversations))
    if settings.sign_in_days:
        attempts = now - settings.sign_in_days * _DAY
        found.append(lambda tx: sign_in_rows.prune(tx, attempts))
    return found
