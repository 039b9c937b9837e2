"""The page of one turn: what it shows at once, its texts for whoever gives a reason, and its proof."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from zhengming.accounts import service
from zhengming.accounts.profiles import ServiceProfile
from zhengming.console.asked import Asked, Page
from zhengming.console.turns import showing, telling
from zhengming.core.errors import InvalidInputError, NotFoundError
from zhengming.core.ids import new_uuid
from zhengming.core.words import Permission
from zhengming.gateway.turns import detail, evidence, texts
from zhengming.gateway.turns.detail import TurnDetail
from zhengming.ledger.head import load_public
from zhengming.store import Tx
from zhengming.web.forms import read_form
from zhengming.web.view import CURRENT, url

SHORTEST, LONGEST = 8, 500
"""Characters of a reason."""


def _id(asked: Asked) -> str:
    return str(asked.request.path_params["turn_id"])


def _with_service(tx: Tx, turn_id: str) -> tuple[TurnDetail, ServiceProfile | None]:
    turn = detail.get(tx, turn_id)
    try:
        return turn, service.get(tx, turn.row.service_id)
    except NotFoundError:
        return turn, None


async def _page(asked: Asked, *, status: int = 200, **more: Any) -> Response:
    CURRENT.set(asked.view)  # the turn is told here
    turn, profile = await asked.console.gateway.store.read(lambda tx: _with_service(tx, _id(asked)))
    ruling = asked.console.gateway.rules.ruling
    found, decided = telling.acted(turn, ruling), telling.deciding(turn)
    values: dict[str, Any] = {
        "turn": turn,
        "row": turn.row,
        "profile": profile,
        "sentence": telling.sentence(turn),
        "acted": found,
        "deciding": next((one for one in found if one.signal == decided), None),
        "decisive": telling.decisive(turn),
        "timeline": telling.timeline(turn),
        "held": telling.held(turn),
        "in_force": ruling.matcher.version == turn.rules_version,
        "why_typed": "",
        "why_fault": False,
        "expired": asked.request.query_params.get("texts") == "closed",
        "proof": None,
        "shortest": SHORTEST,
    }
    return asked.page("turns/turn.html", status=status, **{**values, **more})


async def show(asked: Asked) -> Response:
    """What is known of a turn but its texts."""
    return await _page(asked)


async def reveal(asked: Asked) -> Response:
    """Record who opens the texts and why, then lead to them; without a reason nothing is recorded or opened."""
    form = await read_form(asked.request)
    try:
        why = form.text("why", max=LONGEST)
    except InvalidInputError:
        return await _page(asked, status=400, why_typed=form.exact("why", max=64_000)[:LONGEST], why_fault=True)
    if len(why) < SHORTEST:
        return await _page(asked, status=400, why_typed=why, why_fault=True)
    turn_id, now, who = _id(asked), asked.now, asked.who
    entry = new_uuid(milliseconds=now)
    await asked.console.gateway.store.write(
        lambda tx: texts.note_reveal(tx, turn_id, who=who, why=why, entry_id=entry, now=now)
    )
    return RedirectResponse(url(f"/turns/{turn_id}/texts", reveal=entry), 303)


async def show_texts(asked: Asked) -> Response:
    """The texts, for the person who gave a reason, for a quarter of an hour; anybody else is led back to the turn."""
    CURRENT.set(asked.view)
    turn_id, entry = _id(asked), asked.request.query_params.get("reveal", "")
    gateway, who = asked.console.gateway, asked.who

    def read(tx: Tx) -> tuple[TurnDetail, ServiceProfile | None, int, texts.Texts | None]:
        turn, profile = _with_service(tx, turn_id)
        until = texts.open_until(tx, turn_id, entry, who=who)
        return turn, profile, until, texts.open_texts(tx, gateway.vault, turn_id) if asked.now < until else None

    turn, profile, until, opened = await gateway.store.read(read)
    if opened is None:
        return RedirectResponse(url(f"/turns/{turn_id}", texts="closed") + "#texts", 303)
    found = telling.acted(turn, gateway.rules.ruling)
    wording = "" if profile is None else profile.label.wording
    return asked.page(
        "turns/texts.html",
        turn=turn,
        row=turn.row,
        texts=opened,
        until=until,
        acted=found,
        request=showing.request_of(opened, found),
        channels=showing.answer_of(opened, found, asked_model=bool(turn.row.upstream), wording=wording),
    )


async def verify(asked: Asked) -> Response:
    """Check the turn against the ledger, step by step."""
    console, turn_id = asked.console, _id(asked)
    public = await asyncio.to_thread(load_public, console.facts.data)
    proof = await console.gateway.store.read(
        lambda tx: evidence.verify_turn(tx, console.gateway.vault, (public,), turn_id)
    )
    return await _page(asked, proof=proof)


async def verified(asked: Asked) -> Response:
    """A check has no address of its own: whoever reloads or is sent it comes to the turn, where the button is."""
    return RedirectResponse(url(f"/turns/{_id(asked)}") + "#proof", 303)


def _download(kind: str) -> Any:
    async def answer(asked: Asked) -> Response:
        turn_id = _id(asked)
        proof = await asked.console.gateway.store.read(lambda tx: evidence.proof_of(tx, turn_id, kind))
        name = "".join(one for one in turn_id if one.isascii() and (one.isalnum() or one == "-"))[:36]
        headers = {
            "content-disposition": f'attachment; filename="turn-{name}-{kind}.json"',
            "cache-control": "no-store",
        }
        body = json.dumps(proof, ensure_ascii=False, indent=2) + "\n"
        return Response(body.encode(), media_type="application/json", headers=headers)

    return answer


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/turns/{turn_id}", Permission.SEE_TURNS, show, "One turn: what happened, which rule acted, and why."),
    Page("POST", "/turns/{turn_id}/reveal", Permission.REVEAL_TEXTS, reveal, "Ask for a turn's texts, with a reason."),
    Page("GET", "/turns/{turn_id}/texts", Permission.REVEAL_TEXTS, show_texts, "The texts, once asked for."),
    Page("GET", "/turns/{turn_id}/verify", Permission.SEE_LEDGER, verified, "Leads from an old check to its turn."),
    Page("POST", "/turns/{turn_id}/verify", Permission.SEE_LEDGER, verify, "Check a turn against the ledger."),
    Page(
        "GET",
        "/turns/{turn_id}/proof/opened.json",
        Permission.SEE_LEDGER,
        _download("opened"),
        "The proof of the entry that opened a turn.",
    ),
    Page(
        "GET",
        "/turns/{turn_id}/proof/closed.json",
        Permission.SEE_LEDGER,
        _download("closed"),
        "The proof of the entry that closed a turn.",
    ),
)
