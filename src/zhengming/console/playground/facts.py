"""What happened in a turn, for under its answer: how it ended, what was found, which rule acted. No text of it."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from zhengming.console.asked import Asked
from zhengming.core.words import VERDICT_ORDER, Verdict
from zhengming.gateway.turns import detail


async def show(asked: Asked) -> Response:
    """JSON: the `state` of the turn (open or closed), its `outcome`, and what happened as a piece of `html`.

    Raises NotFoundError for an unknown turn.
    """
    turn_id = str(asked.request.path_params["turn_id"])
    turn = await asked.console.gateway.store.read(lambda tx: detail.get(tx, turn_id))
    signals = sorted(turn.signals, key=lambda one: -VERDICT_ORDER.index(Verdict(one.verdict)))
    html = asked.console.renderer.text(
        asked.view,
        "playground/facts.html",
        turn=turn.row,
        signals=signals,
        can=asked.can,
    )
    told = {"state": turn.row.state, "outcome": turn.row.outcome, "html": html}
    return JSONResponse(told, headers={"cache-control": "no-store"})
