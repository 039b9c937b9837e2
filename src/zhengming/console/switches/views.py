"""The emergency switches: what stands, set in two steps that say what will happen, lifted, with their history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from starlette.responses import RedirectResponse, Response

from zhengming.accounts import service, switches
from zhengming.accounts.moments import parse_span
from zhengming.accounts.profiles import FUNCTIONS, ServiceProfile
from zhengming.accounts.switches import EVERY, Switch
from zhengming.console.asked import Asked, Page
from zhengming.core.errors import ConflictError, InvalidInputError
from zhengming.core.words import Permission, SwitchKind
from zhengming.store import Tx
from zhengming.web.forms import Form, read_form

_LASTING: Final = ("", "30m", "2h", "24h", "7d", "until")
_MAX_TEXT: Final = 500
_SHOWN: Final = 200
_NARROWED_BY_FUNCTION: Final = frozenset({SwitchKind.STOP_GENERATION})
"""The kinds for which a function or persona makes a difference; the others stand for a service or for all."""


@dataclass(slots=True)
class Wish:
    """A switch as it was asked for, every value as typed; `problems` are keys `switches:error.<key>` by field."""

    kind: str = ""
    service: str = EVERY
    function: str = EVERY
    persona: str = ""
    lasting: str = ""
    until: str = ""
    why: str = ""
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def of_kind(self) -> SwitchKind:
        """The kind, once it was checked."""
        return SwitchKind(self.kind)

    def expires_at(self, asked: Asked) -> int | None:
        """Return when it ends, ms UTC, None for "until lifted"; a local time is in the reader's time zone."""
        if self.lasting == "until":
            local = datetime.fromisoformat(self.until)
            zoned = local if local.tzinfo else local.replace(tzinfo=asked.view.zone)
            return int(zoned.timestamp() * 1_000)
        return asked.now + parse_span(self.lasting) if self.lasting else None


async def list_switches(asked: Asked) -> Response:
    """`GET /switches`: each kind, what stands now, and what was set before."""
    every, services = await _read(asked)
    past = [one for one in every if not one.stands(asked.now)]
    return asked.page(
        "switches/list.html",
        kinds=tuple(SwitchKind),
        standing={kind: [one for one in every if one.kind is kind and one.stands(asked.now)] for kind in SwitchKind},
        past=past[:_SHOWN],
        past_total=len(past),
        names=_names(services),
        done=asked.request.query_params.get("done", ""),
        active=asked.console.gateway.active,
        may_set=asked.can(Permission.SET_SWITCHES),
    )


async def new_switch(asked: Asked) -> Response:
    """`GET /switches/new`: the form, for the kind named in the query."""
    kind = asked.request.query_params.get("kind", "")
    known = kind if kind in set(SwitchKind) else SwitchKind.STOP_GENERATION.value
    return await _form(asked, Wish(kind=known))


async def review_switch(asked: Asked) -> Response:
    """`POST /switches/review`: say what will happen, and ask once more; nothing is set."""
    _, services = await _read(asked)
    wish = _checked(asked, _read_wish(await read_form(asked.request)), services)
    if wish.problems:
        return await _form(asked, wish, status=422)
    every, _ = await _read(asked)
    return asked.page(
        "switches/review.html",
        wish=wish,
        kind=wish.of_kind,
        expires_at=wish.expires_at(asked),
        names=_names(services),
        active=asked.console.gateway.active,
        others=[one for one in every if one.kind == wish.kind and one.stands(asked.now)],
    )


async def set_switch(asked: Asked) -> Response:
    """`POST /switches`: set it, as it was reviewed; or go back to the form with everything typed."""
    form = await read_form(asked.request)
    _, services = await _read(asked)
    wish = _checked(asked, _read_wish(form), services)
    if wish.problems:
        return await _form(asked, wish, status=422)
    if form.text("act") != "set":
        return await _form(asked, wish)
    narrow = wish.of_kind in _NARROWED_BY_FUNCTION
    gateway = asked.console.gateway
    await gateway.store.write(
        lambda tx: switches.set_switch(
            tx,
            wish.of_kind,
            who=asked.who,
            why=wish.why,
            now=asked.now,
            expires_at=wish.expires_at(asked),
            service_id=wish.service,
            function=wish.function if narrow else EVERY,
            persona=(wish.persona or EVERY) if narrow else EVERY,
        )
    )
    await gateway.directory.refresh()
    return RedirectResponse("/switches?done=set", 303)


async def ask_lift(asked: Asked) -> Response:
    """`GET /switches/{id}/lift`: what lifting will do."""
    return await _lift(asked, "", "")


async def lift_switch(asked: Asked) -> Response:
    """`POST /switches/{id}/lift`: lift it."""
    why = (await read_form(asked.request)).text("why")
    problem = "why" if not why else "too_long" if len(why) > _MAX_TEXT else ""
    if problem:
        return await _lift(asked, why, problem, status=422)
    gateway, switch_id = asked.console.gateway, asked.request.path_params["id"]
    try:
        await gateway.store.write(lambda tx: switches.lift(tx, switch_id, who=asked.who, why=why, now=asked.now))
    except ConflictError as error:
        return await _lift(asked, why, "", status=error.status)
    await gateway.directory.refresh()
    return RedirectResponse("/switches?done=lifted", 303)


def _read_wish(form: Form) -> Wish:
    return Wish(
        kind=form.text("kind"),
        service=form.text("service") or EVERY,
        function=form.text("function") or EVERY,
        persona=form.text("persona"),
        lasting=form.text("lasting"),
        until=form.text("until"),
        why=form.text("why", max=5_000),
    )


def _checked(asked: Asked, wish: Wish, services: list[ServiceProfile]) -> Wish:
    """Return the wish with what is wrong in it."""
    problems = wish.problems
    known = {
        "kind": (wish.kind, {str(one) for one in SwitchKind}),
        "service": (wish.service, {EVERY, *(one.id for one in services)}),
        "function": (wish.function, {EVERY, *FUNCTIONS}),
        "lasting": (wish.lasting, set(_LASTING)),
    }
    problems |= {name: "choose" for name, (value, choices) in known.items() if value not in choices}
    if not wish.why:
        problems["why"] = "why"
    for name in ("why", "persona"):
        if len(getattr(wish, name)) > _MAX_TEXT:
            problems[name] = "too_long"
    if "lasting" not in problems:
        try:
            ends = wish.expires_at(asked)
        except (ValueError, OverflowError, InvalidInputError):
            problems["until"] = "until"
        else:
            if ends is not None and ends <= asked.now:
                problems["until"] = "past"
    return wish


async def _read(asked: Asked) -> tuple[list[Switch], list[ServiceProfile]]:
    def query(tx: Tx) -> tuple[list[Switch], list[ServiceProfile]]:
        return switches.list_all(tx), service.list_all(tx)

    return await asked.console.gateway.store.read(query)


def _names(services: list[ServiceProfile]) -> dict[str, str]:
    return {one.id: one.name for one in services}


async def _form(asked: Asked, wish: Wish, *, status: int = 200) -> Response:
    _, services = await _read(asked)
    return asked.page(
        "switches/form.html",
        status=status,
        wish=wish,
        kinds=tuple(SwitchKind),
        services=services,
        functions=FUNCTIONS,
        lasting=_LASTING,
        now_local=datetime.fromtimestamp(asked.now / 1_000, asked.view.zone).strftime("%Y-%m-%dT%H:%M"),
    )


async def _lift(asked: Asked, why: str, problem: str, *, status: int = 200) -> Response:
    switch_id = asked.request.path_params["id"]

    def query(tx: Tx) -> tuple[Switch, list[ServiceProfile], list[Switch]]:
        return switches.get(tx, switch_id), service.list_all(tx), switches.list_all(tx)

    found, services, every = await asked.console.gateway.store.read(query)
    others = [one for one in every if one.kind is found.kind and one.id != found.id and one.stands(asked.now)]
    return asked.page(
        "switches/lift.html",
        status=status,
        switch=found,
        stands=found.stands(asked.now),
        others=others,
        names=_names(services),
        why=why,
        problem=problem,
    )


_SEE, _SET = Permission.SEE_SWITCHES, Permission.SET_SWITCHES
PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/switches", _SEE, list_switches, "The emergency switches, what stands now and what was set before."),
    Page("POST", "/switches", _SET, set_switch, "Sets a switch that was reviewed."),
    Page("GET", "/switches/new", _SET, new_switch, "The form of a switch."),
    Page("POST", "/switches/review", _SET, review_switch, "Says what setting a switch will do; sets nothing."),
    Page("GET", "/switches/{id}/lift", _SET, ask_lift, "What lifting a switch will do."),
    Page("POST", "/switches/{id}/lift", _SET, lift_switch, "Lifts a switch before its expiry."),
)
