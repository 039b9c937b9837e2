"""The health page: for the engineer on call, what is wrong, how bad it is, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from zhengming.console.asked import Asked, Page
from zhengming.console.health.series import CHARTS, columns_of, minutes_of
from zhengming.console.live import follow
from zhengming.core.words import Permission
from zhengming.gateway.health import KINDS, Health, snapshot
from zhengming.gateway.pulse import EVERY_SECONDS
from zhengming.web.live import Parts

GROUPS: Final = tuple(dict.fromkeys(kind.group for kind in KINDS.values()))


async def show(asked: Asked) -> Response:
    """The page."""
    found = await _snapshot(asked)
    samples = list(asked.console.gateway.pulse.samples)
    return asked.page("health/page.html", charts=CHARTS, minutes=minutes_of(samples), **_values(asked, found))


async def live(asked: Asked) -> Response:
    """The page again and again, and the points of the charts: an hour of them at first, then what is new."""
    console, told = asked.console, _last_told(asked)

    async def produce() -> Parts:
        nonlocal told
        samples = console.gateway.pulse.since(told)
        told = samples[-1].at if samples else told
        found = await _snapshot(asked)
        view = replace(asked.view, now=console.clock())
        values = _values(asked, found)
        return {
            "state": console.renderer.text(view, "health/state.html", can=asked.can, **values),
            "figures": console.renderer.text(view, "health/figures.html", can=asked.can, **values),
            "series": columns_of(samples),
        }

    return follow(asked, Permission.SEE_HEALTH, produce, every=EVERY_SECONDS)


def _last_told(asked: Asked) -> int:
    """The moment of the last event that the browser had before it lost the connection, 0 for a new page."""
    given = asked.request.headers.get("last-event-id", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= len("1800000000000") else 0


async def _snapshot(asked: Asked) -> Health:
    return await snapshot(asked.console.gateway, asked.console.facts.data)


def _values(asked: Asked, found: Health) -> dict[str, Any]:
    groups = [(group, [figure for figure in found.figures if figure.kind.group == group]) for group in GROUPS]
    return {"found": found, "groups": groups, "facts": asked.console.facts}


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/health", Permission.SEE_HEALTH, show, "Health of the process, for an engineer on call."),
    Page("GET", "/health/live", Permission.SEE_HEALTH, live, "The health page's figures as server-sent events."),
)
