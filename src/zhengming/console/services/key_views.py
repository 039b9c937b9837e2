"""API keys: listed without their secrets, made with the secret shown once, revoked for good."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from zhengming.accounts import keys, service
from zhengming.accounts.errors import FrozenError
from zhengming.accounts.keys import SCOPES, ApiKey
from zhengming.accounts.profiles import ServiceProfile
from zhengming.console.asked import Asked, Page
from zhengming.console.services.draft import Problem, Problems, check_why
from zhengming.core.errors import ConflictError
from zhengming.core.words import Permission, SwitchKind
from zhengming.gateway.through import model_names
from zhengming.store import Tx
from zhengming.web.forms import read_form

_MAX_NOTE: Final = 200
_STATES: Final = ("live", "revoked", "all")


async def list_keys(asked: Asked) -> Response:
    """`GET /keys`: the keys of all services or one, live or revoked."""
    query = asked.request.query_params
    wanted, state = query.get("service", ""), query.get("state", "live")
    state = state if state in _STATES else "live"

    def read(tx: Tx) -> tuple[list[ApiKey], list[ServiceProfile]]:
        return keys.list_all(tx, wanted or None), service.list_all(tx)

    found, services = await asked.console.gateway.store.read(read)
    shown = [one for one in found if state == "all" or (one.revoked_at is None) == (state == "live")]
    return asked.page(
        "services/keys.html",
        keys=shown,
        total=len(found),
        services=services,
        names={one.id: one.name for one in services},
        wanted=wanted,
        state=state,
        states=_STATES,
        done=query.get("done") == "revoked",
        may_change=asked.can(Permission.CHANGE_KEYS),
    )


async def new_key(asked: Asked) -> Response:
    """`GET /keys/new`: choose service and scopes."""
    chosen = asked.request.query_params.get("service", "")
    return await _new(asked, {"service": chosen, "note": ""}, list(SCOPES), {})


async def make_key(asked: Asked) -> Response:
    """`POST /keys/new`: make the key and show its secret, this once."""
    form = await read_form(asked.request)
    typed = {"service": form.text("service"), "note": form.text("note")}
    scopes: list[str] = [one for one in SCOPES if one in form.all("scopes")]
    gateway = asked.console.gateway
    services = {one.id for one in await gateway.store.read(service.list_all)}
    problems = _problems(typed, scopes, services)
    if problems:
        return await _new(asked, typed, scopes, problems, status=422)
    secret = keys.new_secret()
    try:
        made = await gateway.store.write(
            lambda tx: keys.create(
                tx,
                typed["service"],
                who=asked.who,
                now=asked.now,
                secret=secret,
                scopes=scopes,
                note=typed["note"],
            )
        )
    except FrozenError as error:
        await gateway.directory.refresh()
        return await _new(asked, typed, scopes, {}, status=error.status)
    await gateway.directory.refresh()
    names = await model_names(gateway)
    return asked.page(
        "services/key_made.html",
        status=201,
        secret=made.secret,
        key=made.key,
        profile=gateway.directory.snapshot.services[typed["service"]],
        base_url=f"{_address(asked)}/v1",
        model=names[0] if names else "MODEL",
    )


def _problems(typed: dict[str, str], scopes: list[str], services: set[str]) -> Problems:
    """Return what is wrong with a wished-for key, by field."""
    problems: Problems = {}
    if not scopes:
        problems["scopes"] = Problem("choose", {})
    if len(typed["note"]) > _MAX_NOTE:
        problems["note"] = Problem("too_long", {"most": _MAX_NOTE})
    if typed["service"] not in services:
        problems["service"] = Problem("choose", {})
    return problems


async def ask_revoke(asked: Asked) -> Response:
    """`GET /keys/{id}/revoke`: what revoking will do."""
    return await _revoke(asked, "", {})


async def revoke_key(asked: Asked) -> Response:
    """`POST /keys/{id}/revoke`: revoke it for good."""
    form = await read_form(asked.request)
    why = form.text("why")
    problems: Problems = {}
    check_why(why, problems)
    if problems:
        return await _revoke(asked, why, problems, status=422)
    gateway, key_id = asked.console.gateway, asked.request.path_params["id"]
    try:
        await gateway.store.write(lambda tx: keys.revoke(tx, key_id, who=asked.who, why=why, now=asked.now))
    except ConflictError as error:
        return await _revoke(asked, why, {}, status=error.status)
    await gateway.directory.refresh()
    return RedirectResponse("/keys?done=revoked", 303)


async def _new(
    asked: Asked, typed: dict[str, str], scopes: list[str], problems: Problems, *, status: int = 200
) -> Response:
    gateway = asked.console.gateway
    services = await gateway.store.read(service.list_all)
    chosen = typed["service"] or next((one.id for one in services if one.name == service.DEFAULT_NAME), "")
    return asked.page(
        "services/key_new.html",
        status=status,
        typed={**typed, "service": chosen},
        scopes=scopes,
        every_scope=SCOPES,
        services=services,
        problems=problems,
        frozen=gateway.directory.switch(SwitchKind.FREEZE_CHANGES, asked.now, service_id=chosen),
    )


async def _revoke(asked: Asked, why: str, problems: Problems, *, status: int = 200) -> Response:
    key_id = asked.request.path_params["id"]

    def query(tx: Tx) -> tuple[ApiKey, ServiceProfile, int]:
        key = keys.get(tx, key_id)
        live = [one for one in keys.list_all(tx, key.service_id) if one.revoked_at is None and one.id != key.id]
        return key, service.get(tx, key.service_id), len(live)

    key, profile, others = await asked.console.gateway.store.read(query)
    return asked.page(
        "services/key_revoke.html", status=status, key=key, profile=profile, others=others, why=why, problems=problems
    )


def _address(asked: Asked) -> str:
    """Return where clients reach this process: as the operator says, else as the browser did."""
    return asked.console.facts.address.rstrip("/") or str(asked.request.base_url).rstrip("/")


_SEE, _CHANGE = Permission.SEE_KEYS, Permission.CHANGE_KEYS
KEY_PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/keys", _SEE, list_keys, "API keys of all services, never their secrets."),
    Page("GET", "/keys/new", _CHANGE, new_key, "The form of a new API key."),
    Page("POST", "/keys/new", _CHANGE, make_key, "Makes an API key and shows its secret once."),
    Page("GET", "/keys/{id}/revoke", _CHANGE, ask_revoke, "What revoking an API key will do."),
    Page("POST", "/keys/{id}/revoke", _CHANGE, revoke_key, "Revokes an API key for good."),
)
