"""The ledger: its signed head, any entry with its proof step by step, checkpoints, and checks of the whole."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any, Final

from starlette.responses import JSONResponse, RedirectResponse, Response

from zhengming.console.asked import Asked, Page
from zhengming.console.ledger.wording import in_words
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType, Permission
from zhengming.ledger import checkpoints, checks
from zhengming.ledger.checkpoints import Standing
from zhengming.ledger.checks import Check
from zhengming.ledger.errors import EntryNotFoundError, LedgerBrokenError
from zhengming.ledger.head import Head, is_genuine, load_public
from zhengming.ledger.proof import ProofError
from zhengming.ledger.prove import latest, prove, read_head
from zhengming.ledger.steps import walk
from zhengming.store import Tx
from zhengming.web.forms import read_form

_LATEST: Final = 15
_CHECKPOINTS: Final = 20
_SEQ: Final = re.compile(r"[0-9]{1,18}")


async def see_ledger(asked: Asked) -> Response:
    """`GET /ledger`: the head, the latest entries, checkpoints and checks."""
    return await _ledger(asked)


async def find_entry(asked: Asked) -> Response:
    """`GET /ledger/find?q=`: go to an entry by its id or seq."""
    wanted = asked.request.query_params.get("q", "").strip()
    if not wanted:
        return RedirectResponse("/ledger", 303)
    try:
        proof = await asked.console.gateway.store.read(lambda tx: prove(tx, _key(wanted)))
    except EntryNotFoundError:
        return await _ledger(asked, lost=wanted, status=404)
    return RedirectResponse(f"/ledger/{proof['id']}", 303)


async def see_entry(asked: Asked) -> Response:
    """`GET /ledger/{entry}`: one entry by id or seq, and its way to the signed root, verified."""
    proof = await asked.console.gateway.store.read(lambda tx: prove(tx, _key(asked.request.path_params["entry"])))
    head = Head.from_json(proof["head"])
    fault, found = "", None
    try:
        found = walk(proof)
    except ProofError as error:
        fault = str(error)
    payload = base64.b64decode(proof["payload"])
    return asked.page(
        "ledger/entry.html",
        proof=proof,
        walk=found,
        fault=fault,
        head=head,
        genuine=is_genuine(head, (_public(asked),)),
        payload=_pretty(payload),
        size=len(payload),
    )


async def download_proof(asked: Asked) -> Response:
    """`GET /ledger/{entry}/proof`: the inclusion proof as a file for `zhengming ledger check`."""
    proof = await asked.console.gateway.store.read(lambda tx: prove(tx, _key(asked.request.path_params["entry"])))
    return _file(proof, f"proof-{proof['seq']}.json")


async def note_checkpoint(asked: Asked) -> Response:
    """`POST /ledger/checkpoints`: write the present head down."""
    made = await asked.console.gateway.store.write(lambda tx: checkpoints.note(tx, who=asked.who, now=asked.now))
    return RedirectResponse(f"/ledger?noted={made.head.size}#checkpoints", 303)


async def download_checkpoint(asked: Asked) -> Response:
    """`GET /ledger/checkpoints/{size}`: a checkpoint as a file to keep elsewhere."""
    size = _key(asked.request.path_params["size"])
    if isinstance(size, str):
        raise NotFoundError(f"There is no checkpoint {size[:60]!r}.", next_step="See the list on /ledger.")
    found = await asked.console.gateway.store.read(lambda tx: checkpoints.get(tx, size))
    return _file(found.as_json(_public(asked)), f"checkpoint-{size}.json")


async def compare_checkpoint(asked: Asked) -> Response:
    """`POST /ledger/compare`: verify a checkpoint that was kept elsewhere against the present ledger."""
    text = (await read_form(asked.request)).text("checkpoint", max=10_000)
    try:
        kept = checkpoints.read_file(json.loads(text))
    except (ValueError, RecursionError, InvalidInputError):
        return await _ledger(asked, pasted=text, unreadable=True, status=422)
    public = _public(asked)
    compared = await asked.console.gateway.store.read(lambda tx: checkpoints.compare(tx, kept, public))
    return await _ledger(asked, pasted=text, compared=compared)


async def start_check(asked: Asked) -> Response:
    """`POST /ledger/checks`: begin to verify the whole ledger in a thread of this process; one at a time."""
    gateway, name = asked.console.gateway, new_uuid(milliseconds=asked.now)
    try:
        begun = await gateway.store.write(
            lambda tx: checks.begin(tx, name, who=asked.who, instance=gateway.instance, now=asked.now)
        )
    except ConflictError:
        running = await gateway.store.read(checks.list_of)
        return RedirectResponse(f"/ledger/checks/{running[0].id}?other=1", 303)
    checks.start(gateway.store, _public(asked), begun, gateway.clock)
    return RedirectResponse(f"/ledger/checks/{name}", 303)


async def see_check(asked: Asked) -> Response:
    """`GET /ledger/checks/{id}`: how far a check is, or what it found."""
    found = await asked.console.gateway.store.read(lambda tx: checks.get(tx, asked.request.path_params["id"]))
    return asked.page(
        "ledger/check.html",
        check=found,
        state=found.state_at(asked.now),
        result=found.result(),
        faults=[in_words(one) for one in found.findings()],
        other=asked.request.query_params.get("other") == "1",
    )


async def _ledger(
    asked: Asked,
    *,
    lost: str = "",
    pasted: str = "",
    unreadable: bool = False,
    compared: Standing | None = None,
    status: int = 200,
) -> Response:
    public = _public(asked)

    def query(tx: Tx) -> tuple[Head | None, list[Any], list[Standing], list[Check]]:
        try:
            head = read_head(tx)[0]
        except LedgerBrokenError:
            return None, [], [], checks.list_of(tx)
        standings = [checkpoints.compare(tx, one, public) for one in checkpoints.list_of(tx, limit=_CHECKPOINTS)]
        return head, latest(tx, _LATEST), standings, checks.list_of(tx)

    head, entries, standings, runs = await asked.console.gateway.store.read(query)
    return asked.page(
        "ledger/ledger.html",
        status=status,
        head=head,
        genuine=head is not None and await asyncio.to_thread(is_genuine, head, (public,)),
        public=public.hex(),
        entries=entries,
        standings=standings,
        runs=[(one, one.state_at(asked.now)) for one in runs],
        events=tuple(EventType),
        lost=lost,
        pasted=pasted,
        unreadable=unreadable,
        compared=compared,
        noted=asked.request.query_params.get("noted", "")[:20],
        may_check=asked.can(Permission.CHECK_LEDGER),
    )


def _key(text: str) -> str | int:
    return int(text) if _SEQ.fullmatch(text) else text


def _public(asked: Asked) -> bytes:
    return load_public(asked.console.facts.data)


def _pretty(payload: bytes) -> str:
    try:
        return json.dumps(json.loads(payload), ensure_ascii=False, indent=2)
    except ValueError:
        return payload.decode("utf-8", "replace")


def _file(content: dict[str, Any], name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return JSONResponse(content, headers=headers)


_SEE, _CHECK = Permission.SEE_LEDGER, Permission.CHECK_LEDGER
PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/ledger", _SEE, see_ledger, "The signed head, the latest entries, checkpoints and checks."),
    Page("GET", "/ledger/find", _SEE, find_entry, "Goes to an entry by its id or seq."),
    Page("POST", "/ledger/checkpoints", _CHECK, note_checkpoint, "Writes the present head down as a checkpoint."),
    Page("GET", "/ledger/checkpoints/{size}", _SEE, download_checkpoint, "A checkpoint as a file."),
    Page("POST", "/ledger/compare", _SEE, compare_checkpoint, "Verifies a checkpoint that was kept elsewhere."),
    Page("POST", "/ledger/checks", _CHECK, start_check, "Begins to verify the whole ledger."),
    Page("GET", "/ledger/checks/{id}", _SEE, see_check, "How far a check is, or what it found."),
    Page("GET", "/ledger/{entry}", _SEE, see_entry, "One entry and its proof, step by step."),
    Page("GET", "/ledger/{entry}/proof", _SEE, download_proof, "The inclusion proof of an entry as a file."),
)
