"""Services: what the operator declares about each, changed upon the revision that was seen, never over another's."""

from __future__ import annotations

from typing import Final, NamedTuple

from starlette.responses import RedirectResponse, Response

from zhengming.accounts import keys, service
from zhengming.accounts.errors import ChangedMeanwhileError, FrozenError
from zhengming.accounts.keys import ApiKey
from zhengming.accounts.profiles import FUNCTIONS, LABEL_LANGUAGES, UNSCREENED_POLICIES, ServiceProfile
from zhengming.accounts.service import ServiceRecord
from zhengming.accounts.switches import Switch
from zhengming.console.asked import Asked, Page
from zhengming.console.services.draft import (
    LIMITS,
    SPARE_FILINGS,
    Draft,
    FilingRow,
    Problem,
    Problems,
    check_why,
    draft_of,
    profile_of,
    read_draft,
)
from zhengming.console.services.key_views import KEY_PAGES
from zhengming.console.services.preview import preview_of
from zhengming.core.errors import ConflictError
from zhengming.core.words import Audience, LabelPlacement, Permission, ServiceKind, SwitchKind
from zhengming.store import Tx
from zhengming.web.forms import read_form

_DONE: Final = frozenset({"made", "changed"})


class Theirs(NamedTuple):
    """What somebody else stored meanwhile: the record, and each field (name, their value) that ours would change."""

    record: ServiceRecord
    fields: list[tuple[str, str]]


async def list_services(asked: Asked) -> Response:
    """`GET /services`: every service with what it is and how it is labelled."""

    def query(tx: Tx) -> tuple[list[ServiceRecord], list[ApiKey]]:
        return service.records(tx), keys.list_all(tx)

    found, every_key = await asked.console.gateway.store.read(query)
    live = [one.service_id for one in every_key if one.revoked_at is None]
    return asked.page(
        "services/list.html",
        records=found,
        live={one.profile.id: live.count(one.profile.id) for one in found},
        frozen=_frozen(asked, ""),
    )


async def new_service(asked: Asked) -> Response:
    """`GET /services/new`: an empty form with the defaults."""
    return _form(asked, draft_of(ServiceProfile(id="", name="")), None)


async def make_service(asked: Asked) -> Response:
    """`POST /services/new`: make the service, or show the form again with what is wrong."""
    form = await read_form(asked.request)
    draft = read_draft(form)
    if form.text("act") == "preview":
        return _form(asked, draft, None)
    profile, problems = profile_of(draft, "")
    check_why(draft.why, problems)
    if profile is None or problems:
        return _form(asked, draft, None, problems=problems, status=422)
    gateway, ready = asked.console.gateway, profile
    try:
        made = await gateway.store.write(
            lambda tx: service.create(tx, ready, who=asked.who, why=draft.why, now=asked.now)
        )
    except FrozenError as error:
        await gateway.directory.refresh()
        return _form(asked, draft, None, status=error.status)
    except ConflictError as error:
        return _form(asked, draft, None, problems={"name": Problem("taken", {})}, status=error.status)
    await gateway.directory.refresh()
    return RedirectResponse(f"/services/{made.id}?done=made", 303)


async def see_service(asked: Asked) -> Response:
    """`GET /services/{id}`: the profile as a form, its keys, and where its turns and its history stand."""
    record, own_keys = await _read(asked)
    return _form(
        asked, draft_of(record.profile), record, own_keys=own_keys, done=asked.request.query_params.get("done")
    )


async def change_service(asked: Asked) -> Response:
    """`POST /services/{id}`: change it upon the revision that was seen."""
    form = await read_form(asked.request)
    draft, seen = read_draft(form), form.text("revision")
    record, own_keys = await _read(asked)
    revision = int(seen) if seen.isascii() and seen.isdecimal() else 0
    shown = record._replace(revision=revision)
    if form.text("act") == "preview":
        return _form(asked, draft, shown, own_keys=own_keys)
    profile, problems = profile_of(draft, record.profile.id)
    check_why(draft.why, problems)
    if profile is None or problems:
        return _form(asked, draft, shown, own_keys=own_keys, problems=problems, status=422)
    gateway, ready = asked.console.gateway, profile
    try:
        await gateway.store.write(
            lambda tx: service.update(tx, ready, who=asked.who, why=draft.why, now=asked.now, revision=revision)
        )
    except FrozenError as error:
        await gateway.directory.refresh()
        return _form(asked, draft, shown, own_keys=own_keys, status=error.status)
    except ChangedMeanwhileError as error:
        now_there, own_keys = await _read(asked)
        stored = draft_of(now_there.profile)
        differing = [(name, stored.shown(name, asked.view.language)) for name in draft.differing(stored)]
        theirs = Theirs(now_there, differing)
        return _form(asked, draft, now_there, own_keys=own_keys, theirs=theirs, status=error.status)
    except ConflictError as error:
        problems["name"] = Problem("taken", {})
        return _form(asked, draft, shown, own_keys=own_keys, problems=problems, status=error.status)
    await gateway.directory.refresh()
    return RedirectResponse(f"/services/{record.profile.id}?done=changed", 303)


async def _read(asked: Asked) -> tuple[ServiceRecord, list[ApiKey]]:
    service_id = asked.request.path_params["id"]
    return await asked.console.gateway.store.read(
        lambda tx: (service.record(tx, service_id), keys.list_all(tx, service_id))
    )


def _frozen(asked: Asked, service_id: str) -> Switch | None:
    return asked.console.gateway.directory.switch(SwitchKind.FREEZE_CHANGES, asked.now, service_id=service_id)


def _form(
    asked: Asked,
    draft: Draft,
    record: ServiceRecord | None,
    *,
    own_keys: list[ApiKey] | None = None,
    problems: Problems | None = None,
    theirs: Theirs | None = None,
    done: str | None = None,
    status: int = 200,
) -> Response:
    return asked.page(
        "services/form.html",
        status=status,
        draft=draft,
        record=record,
        own_keys=own_keys or [],
        problems=problems or {},
        theirs=theirs,
        done=done if done in _DONE else None,
        frozen=_frozen(asked, record.profile.id if record else ""),
        preview=preview_of(draft),
        filings=[*draft.filings, *[FilingRow()] * SPARE_FILINGS],
        may_change=asked.can(Permission.CHANGE_SERVICES),
        kinds=tuple(ServiceKind),
        audiences=tuple(Audience),
        placements=tuple(LabelPlacement),
        languages=LABEL_LANGUAGES,
        unscreened=UNSCREENED_POLICIES,
        functions=FUNCTIONS,
        limits=LIMITS,
        aliases=asked.console.gateway.upstreams.routes.aliases,
    )


_SEE, _CHANGE = Permission.SEE_SERVICES, Permission.CHANGE_SERVICES
PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/services", _SEE, list_services, "Every service, how it is labelled and whom it serves."),
    Page("GET", "/services/new", _CHANGE, new_service, "The form of a new service."),
    Page("POST", "/services/new", _CHANGE, make_service, "Makes a service, or previews its label."),
    Page("GET", "/services/{id}", _SEE, see_service, "One service: its profile, its keys, its turns."),
    Page("POST", "/services/{id}", _CHANGE, change_service, "Changes a service upon the revision that was seen."),
    *KEY_PAGES,
)
