"""The composition root: open all that a gateway process needs, run what goes on beside the turns, close it again."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from zhengming.accounts import service
from zhengming.accounts.conversations import Conversations
from zhengming.accounts.directory import Directory
from zhengming.accounts.identity import load_identity
from zhengming.accounts.limits import Limiter, MemoryLimiter
from zhengming.app.housekeeping import keep_house
from zhengming.app.settings import Settings
from zhengming.care.hotlines import load_hotlines
from zhengming.care.prepared import PreparedHelp
from zhengming.core.errors import ConflictError, ZhengmingError
from zhengming.core.ids import new_uuid
from zhengming.core.words import SwitchKind
from zhengming.gateway import records
from zhengming.gateway.context import Bounds, Gateway
from zhengming.gateway.metrics import Metrics
from zhengming.gateway.pulse import keep_beating
from zhengming.gateway.rules import RulesInForce
from zhengming.gateway.sittings import Sittings
from zhengming.gateway.stats.counting import Counting, keep_counting
from zhengming.gateway.upstreams import assemble
from zhengming.gateway.upstreams.catalogue import ModelList
from zhengming.gateway.upstreams.config import gather
from zhengming.ledger import Ledger, checkpoints, checks, load_signer
from zhengming.ledger.master import load_master
from zhengming.ledger.vault import Vault
from zhengming.screen.policy import Policy, load_default_policy, load_policy
from zhengming.screen.rules import RuleSet, load_rules
from zhengming.screen.scorers import load_default_scorers
from zhengming.store import Store, Tx

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS: Final = 15.0
CHECKPOINT_SECONDS: Final = 600.0
SILENT_MS: Final = 60_000


@asynccontextmanager
async def running_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """Open a gateway, keep its side work going, and close everything in order.

    Raises ZhengmingError with the next step when something that is needed cannot be opened.
    """
    async with AsyncExitStack() as stack:
        gateway = await _open(settings, stack)
        stack.push_async_callback(gateway.upstreams.close)
        stack.push_async_callback(gateway.limiter.close)
        await _begin(gateway, alone=not _is_shared(settings))
        for work in (
            gateway.directory.run(every=settings.poll_seconds, use_every=settings.key_seconds),
            _watch_rules(gateway, settings.poll_seconds),
            _keep_alive(gateway),
            keep_counting(gateway.counting, gateway.clock),
            keep_beating(gateway.pulse, gateway),
            _note_checkpoints(gateway),
            keep_house(gateway, settings),
        ):
            task = asyncio.create_task(work)
            stack.push_async_callback(_stop, task)
        yield gateway
        await _flush(gateway)


async def _flush(gateway: Gateway) -> None:
    """Write down when keys were last used; a store that is gone by now takes only that with it."""
    try:
        await gateway.directory.flush()
    except ZhengmingError as error:
        log.warning("store.down", reason=str(error))


async def _open(settings: Settings, stack: AsyncExitStack) -> Gateway:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = await asyncio.to_thread(Store.open, settings.database_url, durability=settings.durability)
    stack.callback(store.close)
    Ledger.attach(store, load_signer(settings.data))
    identity = load_identity(settings.data)
    directory = Directory(store)
    upstreams = assemble(*gather(settings.upstream, settings.data, os.environ))
    shared = _is_shared(settings)
    if not shared:
        stack.enter_context(_sole_server(settings.data))
    return Gateway(
        store=store,
        vault=Vault(load_master(settings.data)),
        directory=directory,
        pseudonyms=identity.pseudonyms,
        conversations=Conversations(store, identity.conversations, size=0 if shared else 100_000),
        limiter=_limiter(settings),
        upstreams=upstreams,
        models=ModelList(upstreams),
        rules=await asyncio.to_thread(_rules, settings),
        sittings=Sittings(store, shared=shared),
        metrics=Metrics(),
        help=PreparedHelp(load_hotlines(Path(settings.hotlines) if settings.hotlines else None), settings.region),
        counting=Counting(store, _now()),
        instance=new_uuid(),
        clock=_now,
        bounds=Bounds(
            max_body_bytes=settings.max_body_bytes,
            max_answer_bytes=settings.max_answer_bytes,
            body_seconds=settings.body_seconds,
            max_active_turns=settings.max_active_turns,
        ),
        detector_error=settings.detector_error,
        metrics_open=settings.metrics_open,
    )


def _is_shared(settings: Settings) -> bool:
    """Whether other processes may serve from the same database."""
    return not settings.database_url.startswith("sqlite")


@contextmanager
def _sole_server(data: Path) -> Iterator[None]:
    """Hold the data folder for this process; the lock goes with the process, however it ends."""
    with (data / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                f"Another gateway serves from {data}.",
                next_step="Stop it, name another --data folder, or use PostgreSQL for several processes.",
            ) from error
        yield


def _limiter(settings: Settings) -> Limiter:
    if settings.redis:
        from zhengming.accounts.redis_limits import RedisLimiter  # noqa: PLC0415 - redis costs 100 ms that few need

        return RedisLimiter(settings.redis, when_down=settings.limits_down)
    return MemoryLimiter()


def _rules(settings: Settings) -> RulesInForce:
    files = [Path(name) for name in settings.rules]

    def load() -> RuleSet:
        starter = load_rules().rules if settings.starter_rules else ()
        return RuleSet((*starter, *(load_rules(files).rules if files else ())))

    def policy() -> Policy:
        return load_policy(settings.policy) if settings.policy else load_default_policy()

    watched = [*files, *([Path(settings.policy)] if settings.policy else [])]
    return RulesInForce(load, policy, load_default_scorers, watched)


def _now() -> int:
    return time.time_ns() // 1_000_000


async def _begin(gateway: Gateway, *, alone: bool) -> None:
    """What happens once at the start: the default service, orphaned turns, the rules for the record."""
    now = gateway.clock()
    note_rules = _rules_noted(gateway)
    # One process alone serves a SQLite file (see the lock), so every other one that had an open turn is dead.
    silence = -1 if alone else SILENT_MS

    def unit(tx: Tx) -> int:
        service.ensure_default(tx, now)
        note_rules(tx)
        checks.close_orphans(tx, gateway.instance, now, silence=-1 if alone else checks.SILENT)
        closed = records.close_orphans(tx, gateway.instance, now, silence=silence)
        records.heartbeat(tx, gateway.instance, now)  # last: a lone server takes every other sign of life away
        return closed

    orphans = await gateway.store.write(unit)
    if orphans:
        log.warning("turns.interrupted", count=orphans)
    await gateway.directory.refresh()


async def _watch_rules(gateway: Gateway, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await look_at_rules(gateway)


async def look_at_rules(gateway: Gateway) -> None:
    """Put changed rule files in force and write it down; not while changes are frozen for the whole installation."""
    frozen = gateway.directory.switch(SwitchKind.FREEZE_CHANGES, gateway.clock(), service_id="")
    if frozen is None and await gateway.rules.refresh():
        log.info("rules.in_force", version=gateway.rules.ruling.version)
        await _quietly(gateway, _rules_noted(gateway))


def _rules_noted(gateway: Gateway) -> Callable[[Tx], None]:
    ruling, now = gateway.rules.ruling, gateway.clock()
    count = len(ruling.matcher.rules.rules)
    gateway.metrics.rules.set(count)
    return lambda tx: records.note_rules(tx, ruling.matcher.version, ruling.policy.version, count, now)


async def _keep_alive(gateway: Gateway) -> None:
    """Say that this process lives, and close the turns of those that no longer do."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        now = gateway.clock()

        def unit(tx: Tx, now: int = now) -> None:
            records.heartbeat(tx, gateway.instance, now)
            records.close_orphans(tx, gateway.instance, now, silence=SILENT_MS)

        await _quietly(gateway, unit)


async def _note_checkpoints(gateway: Gateway) -> None:
    """Note a checkpoint of the ledger once a day, and close checks of it whose process fell silent."""
    while True:
        await asyncio.sleep(CHECKPOINT_SECONDS)
        now = gateway.clock()

        def unit(tx: Tx, now: int = now) -> None:
            checks.close_orphans(tx, gateway.instance, now)
            checkpoints.note_due(tx, who="zhengming", now=now)

        await _quietly(gateway, unit)


async def _quietly(gateway: Gateway, unit: Callable[[Tx], None]) -> None:
    """Write side work; while the store is down it is logged and counted, and done again the next time."""
    try:
        await gateway.store.write(unit)
    except Exception as error:  # noqa: BLE001 - without its sign of life others close its open turns
        gateway.metrics.store_errors.inc()
        log.warning("store.down", reason=repr(error))


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
