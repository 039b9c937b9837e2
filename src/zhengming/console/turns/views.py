"""Pages of the part `turns`: the list and a conversation; the page of one turn is in `turn_views`."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from zhengming.console.asked import Asked, Page
from zhengming.console.live import follow
from zhengming.console.turns import listing, turn_views
from zhengming.core.errors import NotFoundError
from zhengming.core.words import Permission
from zhengming.gateway.turns import reading
from zhengming.gateway.turns.filters import FilterError, TurnFilter
from zhengming.gateway.turns.reading import TurnPage
from zhengming.store import Tx
from zhengming.web.paging import Cursor
from zhengming.web.view import CURRENT, url

LIMIT: Final = 50
_LOOK_EVERY: Final = 5.0
_NOTHING: Final = TurnPage((), None, None, None)


async def show_list(asked: Asked) -> Response:
    """The turns that the address asks for; a filter that cannot be read is named above the form."""
    query = asked.request.query_params
    CURRENT.set(asked.view)  # the words of the form are chosen here
    fault: FilterError | None = None
    wanted = TurnFilter()
    try:
        wanted = TurnFilter.from_query(query, timezone=asked.view.timezone)
    except FilterError as error:
        fault = error
    cursor = Cursor.decode(query["cursor"]) if query.get("cursor") else None

    def read(tx: Tx) -> tuple[TurnPage, listing.Options]:
        found = _NOTHING if fault is not None else reading.find(tx, wanted, cursor=cursor, limit=LIMIT)
        return found, listing.services_of(tx)

    found, services = await asked.console.gateway.store.read(read)
    offered = listing.options(services)
    values: dict[str, Any] = {
        "found": found,
        "fault": fault,
        "asked_for": wanted.to_query(),
        "chips": listing.chips(wanted, offered),
        "behind": listing.behind(wanted),
        "options": offered,
        "typed": {**listing.typed(wanted, asked.view.timezone), **_as_typed(asked, fault)},
        "first_page": cursor is None,
        "top": Cursor(found.rows[0].id).encode() if found.rows else "",
        **listing.onward(wanted, found),
    }
    answer = asked.page("turns/list.html", status=200 if fault is None else 400, **values)
    if fault is None and cursor is None:  # htmx: the address of what is shown, without the fields that were left empty
        answer.headers["HX-Push-Url"] = url(listing.PATH, **wanted.to_query())
    return answer


def _as_typed(asked: Asked, fault: FilterError | None) -> dict[str, str]:
    """Keep what was typed when one of the filters cannot be read."""
    if fault is None:
        return {}
    known = set(listing.typed(TurnFilter(), "UTC"))
    return {name: value[:200] for name, value in asked.request.query_params.items() if name in known}


async def live(asked: Asked) -> Response:
    """How many turns that the address asks for came after the one that it names; a stream."""
    query = asked.request.query_params
    wanted = TurnFilter.from_query(query, timezone=asked.view.timezone)
    after = Cursor.decode(query["after"]).id if query.get("after") else ""
    store, renderer = asked.console.gateway.store, asked.console.renderer

    async def produce() -> dict[str, str]:
        count = await store.read(lambda tx: reading.count_newer(tx, wanted, after))
        href = {"count": count, "most": 100, "query": wanted.to_query()}
        return {"newer": renderer.text(asked.view, "turns/newer.html", **href)}

    return follow(asked, Permission.SEE_TURNS, produce, every=_LOOK_EVERY)


async def conversation(asked: Asked) -> Response:
    """The turns of a conversation, in the order in which they came."""
    name = asked.request.path_params["conversation_id"]
    rows = await asked.console.gateway.store.read(lambda tx: reading.of_conversation(tx, name))
    if not rows:
        raise NotFoundError(f"There is no conversation {name[:60]!r}.", next_step="Look for it in the list: /turns")
    return asked.page("turns/conversation.html", rows=rows, conversation=name, most=reading.MOST)


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/turns", Permission.SEE_TURNS, show_list, "The turns that the address asks for, newest first."),
    Page("GET", "/turns/live", Permission.SEE_TURNS, live, "A stream: how many turns came since."),
    *turn_views.PAGES,
    Page("GET", "/conversations/{conversation_id}", Permission.SEE_TURNS, conversation, "One conversation's turns."),
)
