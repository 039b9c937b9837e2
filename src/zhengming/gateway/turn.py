"""One turn while it is under way: what is known of it, and the two units that open and close it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, TypeVar

import structlog

from zhengming.accounts import people
from zhengming.accounts.conversations import Resolution
from zhengming.accounts.limits import ALLOWED, Claim, Decision
from zhengming.accounts.pseudonyms import Who
from zhengming.accounts.snapshot import Grant
from zhengming.accounts.switches import Switch
from zhengming.care.state import CareState
from zhengming.care.step import CareAction, CarePlan
from zhengming.core.randomness import random_bytes
from zhengming.core.words import Audience, CareLevel, Surface, Verdict, gravest
from zhengming.gateway import records, sittings
from zhengming.gateway.apis import Api
from zhengming.gateway.context import Gateway
from zhengming.gateway.records import Closed, Ending, Opened
from zhengming.gateway.rules import Ruling
from zhengming.gateway.said import said_apart
from zhengming.gateway.transcript import Transcript
from zhengming.gateway.wire.base import Found, Out, TurnRequest, place_of
from zhengming.label.aigc import AigcFields
from zhengming.store import Tx

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

UNCLEAN: Final = frozenset({Verdict.REDACT, Verdict.REPLACE, Verdict.BLOCK, Verdict.STOP})
"""Input verdicts after which the history is screened again in the next turn."""


@dataclass(slots=True)
class Turn:
    """Everything known of one turn. What the examination and the answer find out is filled in as it happens.

    `said` are the model's own words by channel; `waited` are the seconds that the upstream took until the first byte
    went out, and `added_ms` is the rest of that time.
    """

    id: str
    api: Api
    request: TurnRequest
    grant: Grant
    who: Who
    conversation: Resolution
    attributed: bool
    audience: Audience
    language: str
    ruling: Ruling
    aigc: AigcFields
    opened_at: int
    persona: str = ""
    model: str = ""
    watch: Callable[[int], None] | None = None
    began: float = field(default_factory=time.perf_counter)
    transcript: Transcript = field(default_factory=lambda: Transcript(random_bytes(32)))
    verdict: Verdict = Verdict.ALLOW
    found: list[Found] = field(default_factory=list)
    redactions: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    unscreened: bool = False
    plan: CarePlan | None = None
    care_state: CareState | None = None
    emergency_cue: bool = False
    store_down: bool = False
    switch: Switch | None = None
    claims: Sequence[Claim] = ()
    limit: Decision = ALLOWED
    recorded: bool = False
    closed: bool = False
    upstream: str = ""
    renamed: bool = False
    answer_found: list[Found] = field(default_factory=list)
    said: Mapping[str, str] = field(default_factory=dict)
    versions: list[str] = field(default_factory=list)
    replies: Sequence[bytes] = ()
    response_id: str = ""
    usage: dict[str, object] | None = None
    held_max: int = 0
    waited: float = 0.0
    first_byte_ms: int | None = None
    added_ms: float | None = None

    @property
    def care_level(self) -> CareLevel:
        """The level of the conversation; none while nothing was found."""
        return CareLevel.NONE if self.plan is None else self.plan.level

    @property
    def care_action(self) -> CareAction:
        """What the plan of care asks for in this turn."""
        return CareAction.NONE if self.plan is None else self.plan.action

    @property
    def in_danger(self) -> bool:
        """Whether the person is, or may be, in danger: then no bare error, block or strike reaches them."""
        return self.care_level >= CareLevel.DANGER or self.emergency_cue

    def note_first_byte(self) -> None:
        """Remember how long the client waited, and how much of that was not the upstream's doing."""
        if self.first_byte_ms is None:
            took = time.perf_counter() - self.began
            self.first_byte_ms = int(took * 1000)
            self.added_ms = max(took - self.waited, 0.0) * 1000

    async def wait_for(self, work: Awaitable[Result]) -> Result:
        """Wait for the upstream, before the first byte went out: that time is not ours."""
        began = time.perf_counter()
        try:
            return await work
        finally:
            self.waited += time.perf_counter() - began

    def hand_over(self, out: Out) -> None:
        """Note what the client's socket has taken."""
        self.note_first_byte()
        self.transcript.add(out.shown)

    def tokens(self) -> tuple[int | None, int | None]:
        """Tokens in and out as the upstream counted them, None where it did not say."""
        usage = self.usage or {}
        return (
            _count(usage.get("prompt_tokens", usage.get("input_tokens"))),
            _count(usage.get("completion_tokens", usage.get("output_tokens"))),
        )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None


async def open_turn(gateway: Gateway, turn: Turn) -> None:
    """Make the turn durable before its first byte goes out. Raises UnavailableError: no evidence, no service."""
    said = [
        {"role": piece.role, "path": place_of(piece.path), "text": piece.text}
        for piece in turn.request.pieces
        if piece.message < 0 or piece.message >= turn.conversation.known_prefix
    ]
    plain = json.dumps({"new": said, "model": turn.request.model}, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def unit(tx: Tx) -> None:
        people.ensure(tx, turn.who.person_id, turn.grant.service.id, stand_in=turn.who.stand_in, now=turn.opened_at)
        turn.conversation.open(tx, turn.opened_at)
        if turn.care_state is not None:
            sittings.write(tx, turn.conversation.conversation_id, turn.care_state, now=turn.opened_at)
        sealed = gateway.vault.seal(tx, turn.who.person_id, plain, turn.id)
        records.open_turn(tx, _opened(gateway, turn, sealed))

    began = time.perf_counter()
    await gateway.store.write(unit)
    gateway.metrics.commit.observe(time.perf_counter() - began)
    turn.recorded = True
    if turn.care_state is not None:
        gateway.sittings.remember(turn.conversation.conversation_id, turn.care_state)


def _opened(gateway: Gateway, turn: Turn, sealed: bytes) -> Opened:
    request, common = turn.request, _common(turn)
    fields = {
        **common,
        "id": turn.id,
        "state": records.OPEN,
        "outcome": Ending.UNDERWAY,
        "relation": turn.conversation.relation,
        "upstream": "",
        "streamed": int(request.stream),
        "unattributed": int(not turn.attributed),
        "unscreened": int(turn.unscreened),
        "unjudged": len(request.unjudged),
        "verdict_output": "",
        "rules_version": turn.ruling.matcher.version,
        "policy_version": turn.ruling.policy.version,
        "instance": gateway.instance,
        "opened_at": turn.opened_at,
        "input_sealed": sealed,
    }
    evidence = {
        **common,
        "turn": turn.id,
        "relation": str(turn.conversation.relation),
        "attributed": turn.attributed,
        "unscreened": turn.unscreened,
        "unjudged": [part.kind for part in request.unjudged],
        "rules": turn.ruling.matcher.version,
        "policy": turn.ruling.policy.version,
        "reasons": records.reasons_as_json(turn.found),
        "input_sha256": sha256(sealed).hexdigest(),
    }
    return Opened(turn.id, turn.opened_at, fields, evidence, tuple(turn.found))


def _common(turn: Turn) -> dict[str, Any]:
    """What stands in the row and in the entry alike."""
    return {
        "service_id": turn.grant.service.id,
        "key_id": turn.grant.key_id,
        "person_id": turn.who.person_id,
        "conversation_id": turn.conversation.conversation_id,
        "api": turn.request.api,
        "model": turn.request.model,
        "audience": str(turn.audience),
        "verdict_input": str(turn.verdict),
        "care_level": int(turn.care_level),
    }


async def note_progress(gateway: Gateway, turn: Turn) -> None:
    """Record what a long stream has shown so far. Raises UnavailableError."""
    commitment, characters, now = turn.transcript.commitment(), turn.transcript.characters, gateway.clock()
    await gateway.store.write(lambda tx: records.note_progress(tx, turn.id, now, commitment, characters))


async def close_turn(gateway: Gateway, turn: Turn, ending: Ending) -> None:
    """Record how the turn ended and commit to what was shown; durable on return. Raises UnavailableError.

    A second call does nothing: the client may leave while the first is being written.
    """
    if turn.closed:
        return
    now = gateway.clock()
    shown = turn.transcript.shown()
    plain = turn.transcript.salt + shown
    said = await _conclude(gateway, turn) if turn.upstream else None
    left = None
    if turn.replies:
        clean = turn.verdict not in UNCLEAN and not turn.unscreened
        left = gateway.conversations.closing(
            turn.conversation,
            turn.replies,
            clean=clean,
            now=now,
            response_id=turn.response_id if turn.api.function == "responses" else "",
        )

    def unit(tx: Tx) -> None:
        person = turn.who.person_id
        sealed = gateway.vault.seal(tx, person, plain, turn.id)
        said_sealed = None if said is None else gateway.vault.seal(tx, person, said, records.said_seal(turn.id))
        if left is not None:
            left.write(tx)
        records.close_turn(tx, _closed(turn, ending, now, sealed, said_sealed))

    began = time.perf_counter()
    turn.closed = True  # the store runs the unit even when nobody waits for it any more
    await gateway.store.write(unit)
    gateway.metrics.commit.observe(time.perf_counter() - began)
    if left is not None:
        gateway.conversations.remember(left)


async def _conclude(gateway: Gateway, turn: Turn) -> bytes | None:
    """Add what only the whole answer tells to what was found; return the model's words if they must be kept apart."""
    channels = turn.transcript.channels()
    found = [*turn.answer_found, *await _look_back(gateway, turn, channels)]
    wording = turn.grant.service.label.wording
    if sum(map(len, turn.said.values())) > gateway.bounds.inline_characters:
        said = await asyncio.to_thread(said_apart, turn.said, channels, found, wording=wording)
    else:
        said = said_apart(turn.said, channels, found, wording=wording)
    turn.answer_found = found
    return said


async def _look_back(gateway: Gateway, turn: Turn, channels: Mapping[str, str]) -> list[Found]:
    """What the scorers that only note find in the answer; one that fails leaves the turn unscreened, and counted."""

    def look() -> list[Found]:
        return [
            Found(channel, reason)
            for channel, text in channels.items()
            for reason in turn.ruling.look_back(turn.audience, (text,))
        ]

    try:
        if turn.transcript.characters > gateway.bounds.inline_characters:
            return await asyncio.to_thread(look)
        return look()
    except Exception:  # whatever a detector raises
        log.exception("screen.failed", surface=Surface.OUTPUT, turn=turn.id)
        gateway.metrics.detector_errors.labels(Surface.OUTPUT).inc()
        turn.unscreened = True
        return []


def _closed(turn: Turn, ending: Ending, now: int, sealed: bytes, said_sealed: bytes | None) -> Closed:
    tokens_in, tokens_out = turn.tokens()
    verdict = gravest([reason.verdict for _, reason in turn.answer_found])
    fields = {
        "id": turn.id,
        "outcome": ending,
        "upstream": turn.upstream,
        "unscreened": int(turn.unscreened),
        "verdict_output": verdict,
        "closed_at": now,
        "first_byte_ms": turn.first_byte_ms,
        "held_max": turn.held_max,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "output_sealed": sealed,
        "said_sealed": said_sealed,
        "added_ms": turn.added_ms,
    }
    evidence = {
        "turn": turn.id,
        "ending": str(ending),
        "upstream": turn.upstream,
        "unscreened": turn.unscreened,
        "verdict_output": str(verdict),
        "rules": turn.versions or [turn.ruling.matcher.version],
        "reasons": records.reasons_as_json(turn.answer_found),
        "shown": turn.transcript.commitment(),
        "shown_characters": turn.transcript.characters,
        "output_sha256": sha256(sealed).hexdigest(),
        **({} if said_sealed is None else {"said_sha256": sha256(said_sealed).hexdigest()}),
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "label": turn.aigc.label,
        "producer": turn.aigc.content_producer,
    }
    return Closed(turn.id, now, fields, evidence, tuple(turn.answer_found))


__all__ = ["Turn", "close_turn", "note_progress", "open_turn"]
