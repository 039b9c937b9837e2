"""The overview: how many turns there were, what was done with them, and the way from each figure to its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from zhengming.accounts import service
from zhengming.accounts.profiles import ServiceProfile
from zhengming.console.asked import Asked, Page
from zhengming.console.live import follow
from zhengming.console.overview import cards
from zhengming.core.words import Permission
from zhengming.gateway.stats.reading import Overview, Range, overview, stretch_of
from zhengming.store import Tx
from zhengming.web import charts
from zhengming.web.live import Parts
from zhengming.web.view import View

_EVERY: Final = 10.0


class _Wanted:
    """What the address asks for; what it cannot mean is left aside, so that an old link still leads somewhere."""

    def __init__(self, asked: Asked) -> None:
        query = asked.request.query_params
        given = query.get("range", "")
        self.range = Range(given) if given in {one.value for one in Range} else Range.DAY
        self.service = query.get("service", "")[:80]

    @property
    def query(self) -> dict[str, str]:
        """The address's query, for links."""
        return {"range": "" if self.range is Range.DAY else str(self.range), "service": self.service}


async def show(asked: Asked) -> Response:
    """The page."""
    wanted = _Wanted(asked)

    def query(tx: Tx) -> tuple[Overview, list[ServiceProfile], bool]:
        found = overview(tx, stretch_of(wanted.range, asked.now), wanted.service)
        return found, service.list_all(tx), tx.one("SELECT 1 FROM turn LIMIT 1") is not None

    found, services, any_turn = await asked.console.gateway.store.read(query)
    return asked.page(
        "overview/page.html",
        wanted=wanted,
        ranges=list(Range),
        services=services,
        any_turn=any_turn or bool(found.now.of("turns")),
        address=asked.console.facts.address or str(asked.request.base_url).rstrip("/"),
        **_values(asked, found),
    )


async def live(asked: Asked) -> Response:
    """The figures again and again, for a page that is left open."""
    wanted = _Wanted(asked)

    async def produce() -> Parts:
        now = asked.console.clock()
        found = await asked.console.gateway.store.read(
            lambda tx: overview(tx, stretch_of(wanted.range, now), wanted.service)
        )
        view: View = replace(asked.view, now=now)
        values = _values(asked, found)
        return {
            part: asked.console.renderer.text(view, f"overview/{part}.html", can=asked.can, **values)
            for part in ("state", "figures")
        }

    return follow(asked, Permission.SEE_OVERVIEW, produce, every=_EVERY)


def _values(asked: Asked, found: Overview) -> dict[str, Any]:
    """What the figures are rendered with. `older` is the moment before which turns are still being counted."""
    reached = asked.console.gateway.counting.reached
    return {
        "found": found,
        "older": reached if reached > found.stretch.before else None,
        "groups": cards.groups_of(found),
        "categories": cards.categories_of(found),
        "course": cards.course_of(found),
        "rows": cards.rows_of(found),
        "charts": charts,
    }


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/", Permission.SEE_OVERVIEW, show, "The overview: figures of a stretch of time."),
    Page("GET", "/overview/live", Permission.SEE_OVERVIEW, live, "The overview's figures as server-sent events."),
)
