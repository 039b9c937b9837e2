"""The list of turns: its form, the filters in force as chips, and the addresses that lead on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from zhengming.accounts import service
from zhengming.core.words import Audience, CareLevel, Category, Verdict
from zhengming.gateway.apis import TURNS
from zhengming.gateway.records import Ending
from zhengming.gateway.turns.filters import STATES, TurnFilter
from zhengming.gateway.turns.reading import TurnPage
from zhengming.store import Tx
from zhengming.web.view import full, t, url, word

PATH: Final = "/turns"
FIRST: Final = ("from", "to", "service", "outcome", "category")
"""The filters that stand in the open; the others are behind "more filters"."""

Options = list[tuple[str, str]]


class Chip(NamedTuple):
    """A filter in force: what it says, and the address of the list without it."""

    label: str
    value: str
    without: str


def services_of(tx: Tx) -> Options:
    """Return the services as options, by name."""
    return [(one.id, one.name) for one in service.list_all(tx)]


def options(services: Options) -> Mapping[str, Options]:
    """Return what each filter with a fixed choice offers; the first option asks nothing."""
    nothing = ("", t("turns:any"))
    return {
        "service": [nothing, *services],
        "outcome": [nothing, *((one.value, word(one)) for one in Ending)],
        "category": [nothing, *((one.value, word(one)) for one in Category)],
        "verdict_in": [nothing, *((one.value, word(one)) for one in Verdict)],
        "verdict_out": [nothing, *((one.value, word(one)) for one in Verdict)],
        "audience": [nothing, *((one.value, word(one)) for one in Audience)],
        "care": [nothing, *((str(int(one)), f"{int(one)} · {word(one)}") for one in CareLevel if one)],
        "api": [nothing, *((one.function, t(f"turns:api.{one.function}")) for one in TURNS.values())],
        "state": [nothing, *((one, t(f"turns:state.{one}")) for one in STATES)],
    }


def chips(asked: TurnFilter, offered: Mapping[str, Options]) -> list[Chip]:
    """Return the filters in force, in the order of the address."""
    query = asked.to_query()
    found = []
    for name, value in query.items():
        names = dict(offered.get(name, ()))
        shown = names.get(value, value)
        if name in {"from", "to"}:
            shown = full(int(value))
        elif name in {"unscreened", "unattributed"}:
            shown = ""
        rest = {other: one for other, one in query.items() if other != name}
        found.append(Chip(t(f"turns:filter.{name}"), shown, url(PATH, **rest)))
    return found


def behind(asked: TurnFilter) -> int:
    """Return how many of the filters in force are behind "more filters"."""
    return sum(name not in FIRST for name in asked.to_query())


def typed(asked: TurnFilter, timezone: str) -> dict[str, str]:
    """Return the values of the form's fields; times as `datetime-local` in the reader's zone."""
    values = {"from" if one.name == "since" else "to" if one.name == "until" else one.name: "" for one in fields(asked)}
    values |= asked.to_query()
    for name in ("from", "to"):
        if values[name]:
            at = datetime.fromtimestamp(int(values[name]) / 1000, UTC).astimezone(ZoneInfo(timezone))
            values[name] = at.strftime("%Y-%m-%dT%H:%M")
    return values


def onward(asked: TurnFilter, found: TurnPage) -> dict[str, str]:
    """Return the addresses of the older and the newer page, empty at an end."""
    query = asked.to_query()
    return {
        "older": "" if found.older is None else url(PATH, **query, cursor=found.older.encode()),
        "newer": "" if found.newer is None else url(PATH, **query, cursor=found.newer.encode()),
    }
