"""Emergency switches: listed, set and lifted."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import Field, StringConstraints

from zhengming.accounts import switches
from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.values import WHOLE, Answer, Because, Body, Id, PathId, Reason, Time, moment, moment_or_none
from zhengming.core.words import Permission, SwitchKind
from zhengming.store import Tx

Kind = Annotated[SwitchKind, Field(strict=False)]
Target = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9._:-]{1,100})$")]
State = Literal["standing", "lifted", "expired"]
YEAR: Final = 31_536_000


class Switch(Answer):
    """A switch; `*` stands for every service, function or persona."""

    id: Id
    kind: SwitchKind
    state: State = Field(description="`standing`: in force now.")
    service_id: str
    function: str
    persona: str
    who: str
    why: str
    set_at: Time
    expires_at: Time | None
    lifted_at: Time | None
    lifted_by: str | None
    lifted_why: str | None


class SwitchList(Answer):
    """Switches, the latest first."""

    switches: list[Switch]


class SwitchRequest(Body):
    """Which switch to set, for what, for how long, and why."""

    kind: Kind
    why: Reason
    expires_in_seconds: Annotated[int, Field(ge=1, le=YEAR), WHOLE] | None = Field(
        default=None, description="After this time it is no longer in force; null: until it is lifted."
    )
    service_id: Target = "*"
    function: Target = "*"
    persona: Target = "*"


async def list_switches(
    call: Asking, state: Annotated[State | None, Query(description="Only those in this state.")] = None
) -> SwitchList:
    """Read switches."""
    found = [_switch(one, call.now) for one in await call.read(switches.list_all)]
    return SwitchList(switches=[one for one in found if state in {None, one.state}])


async def get_switch(call: Asking, switch_id: PathId) -> Switch:
    """Read one switch."""
    return _switch(await call.read(lambda tx: switches.get(tx, switch_id)), call.now)


async def set_switch(call: Asking, body: SwitchRequest) -> Switch:
    """Set a switch."""
    seconds = body.expires_in_seconds
    made = await call.write(
        lambda tx: switches.set_switch(
            tx,
            body.kind,
            who=call.who,
            why=body.why,
            now=call.now,
            expires_at=None if seconds is None else call.now + seconds * 1000,
            service_id=body.service_id,
            function=body.function,
            persona=body.persona,
        )
    )
    return _switch(made, call.now)


async def lift_switch(call: Asking, switch_id: PathId, body: Because) -> Switch:
    """Lift a switch."""

    def unit(tx: Tx) -> switches.Switch:
        found = switches.get(tx, switch_id)
        if found.lifted_at is not None:
            return found
        return switches.lift(tx, switch_id, who=call.who, why=body.why, now=call.now)

    return _switch(await call.write(unit), call.now)


def _switch(found: switches.Switch, now: int) -> Switch:
    state: State = "standing" if found.stands(now) else "expired" if found.lifted_at is None else "lifted"
    return Switch(
        id=found.id,
        kind=found.kind,
        state=state,
        service_id=found.service_id,
        function=found.function,
        persona=found.persona,
        who=found.who,
        why=found.why,
        set_at=moment(found.set_at),
        expires_at=moment_or_none(found.expires_at),
        lifted_at=moment_or_none(found.lifted_at),
        lifted_by=found.lifted_by,
        lifted_why=found.lifted_why,
    )


OPERATIONS: Final = (
    Operation(
        "GET", "/switches", Permission.SEE_SWITCHES, list_switches, "Every switch that was ever set, the latest first."
    ),
    Operation(
        "POST",
        "/switches",
        Permission.SET_SWITCHES,
        set_switch,
        "Set an emergency switch; it is in force when this answers.",
        more="Other processes follow within a second. Not idempotent: a retry sets a second one, which must be lifted,"
        " too.",
        status=201,
    ),
    Operation("GET", "/switches/{switch_id}", Permission.SEE_SWITCHES, get_switch, "One switch."),
    Operation(
        "POST",
        "/switches/{switch_id}/lift",
        Permission.SET_SWITCHES,
        lift_switch,
        "Lift a switch before its expiry.",
        more="Idempotent: a switch that is lifted already is answered as it is. 409 when it expired by itself.",
        refusals=(409,),
    ),
)
