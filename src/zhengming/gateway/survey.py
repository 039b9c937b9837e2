"""What stands against serving a turn: switches, findings, limits, things that are down."""

from __future__ import annotations

from typing import Final

from zhengming.accounts.limits import ALLOWED, Quota, charges_of, claims_of
from zhengming.care.emergency import may_be_in_danger
from zhengming.care.precedence import Circumstances, SafetyStop
from zhengming.core.errors import UnavailableError
from zhengming.core.words import ServiceKind, SwitchKind, Verdict
from zhengming.gateway.context import Gateway
from zhengming.gateway.examine import last_words
from zhengming.gateway.turn import Turn

_BLOCKING: Final = frozenset({Verdict.BLOCK, Verdict.REPLACE, Verdict.STOP})


class SwitchedOffError(UnavailableError):
    """A switch of the operator is in force."""

    code = "switched_off"


def tolerates(gateway: Gateway, turn: Turn) -> bool:
    """Whether a failing detector lets the turn go on unscreened, and counted, instead of refusing it."""
    return turn.grant.service.unscreened == "allow" or gateway.detector_error == "allow"


async def survey(gateway: Gateway, turn: Turn) -> Circumstances:
    """Return everything that the decision rests on; a switch or limit in force is kept in the turn for its notice."""
    service, now = turn.grant.service, gateway.clock()
    turn.switch = gateway.directory.switch(
        SwitchKind.STOP_GENERATION, now, service_id=service.id, function=turn.api.function, persona=turn.persona
    )
    turn.claims = claims_of(service, turn.grant.key_id, turn.who, now)
    turn.limit = await gateway.limiter.take(turn.claims, now) if turn.claims else ALLOWED
    over_quota = not turn.limit.allowed and isinstance(turn.limit.refused, Quota)
    return Circumstances(
        care_level=turn.care_level,
        care_action=turn.care_action,
        emergency_cue=turn.emergency_cue or (turn.store_down and emergency(turn)),
        detector_ok=not turn.unscreened,
        serve_unscreened=tolerates(gateway, turn),
        store_ok=not turn.store_down,
        safety_stop=_safety_stop(turn),
        rate_limited=not turn.limit.allowed and not over_quota,
        quota_exhausted=over_quota,
        companion=ServiceKind.COMPANION in service.kinds,
    )


def emergency(turn: Turn) -> bool:
    """The last resort: words of danger in what the person says now, when detector or store cannot be relied on."""
    return any(may_be_in_danger(piece.text) for piece in last_words(turn))


def may_need_help(turn: Turn) -> bool:
    """Whether an error may not be what this person meets: their danger is known, or their words sound like it."""
    return turn.in_danger or emergency(turn)


def _safety_stop(turn: Turn) -> SafetyStop:
    if turn.switch is not None:
        return SafetyStop.SWITCHED_OFF
    return SafetyStop.INPUT_BLOCKED if turn.verdict in _BLOCKING else SafetyStop.NONE


async def spend_tokens(gateway: Gateway, turn: Turn) -> None:
    """Charge the tokens of a finished turn to the quotas that it claimed."""
    tokens = sum(count or 0 for count in turn.tokens())
    charges = charges_of(turn.claims, tokens)
    if charges:
        await gateway.limiter.charge(charges, gateway.clock())
