"""Turns: found, read, opened with a reason, proved and verified."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from pydantic import Field

from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.parts.ledger import Proof, public_key
from zhengming.console.api.parts.turn_query import TurnQuery, cursor_of, filter_of
from zhengming.console.api.values import Answer, Because, Id, PathId, Time, moment, moment_or_none
from zhengming.core.ids import new_uuid
from zhengming.core.words import Permission
from zhengming.gateway.turns import detail, evidence, reading, texts
from zhengming.gateway.turns.detail import TurnDetail
from zhengming.gateway.turns.reading import TurnRow
from zhengming.store import Tx
from zhengming.web.paging import Cursor


class Turn(Answer):
    """A turn; no text."""

    id: Id
    state: str = Field(description="`open`, `closed` or `interrupted`.")
    outcome: str = Field(description="How it was answered, see `Ending` in /words.", examples=["served"])
    service_id: Id
    service_name: str
    key_id: str
    person_id: str = Field(description="A pseudonym.")
    conversation_id: str
    relation: str = Field(description="`new`, `continued`, `branched` or `edited`.")
    api: str
    model: str
    upstream: str
    streamed: bool
    audience: str
    unattributed: bool = Field(description="It came without an end user or a conversation of its own.")
    unscreened: bool = Field(description="A detector failed, and the turn went on.")
    unjudged: int = Field(description="Parts that no detector reads yet.")
    verdict_input: str = Field(examples=["allow"])
    verdict_output: str = Field(description="Empty when no model answered.", examples=["redact"])
    care_level: int = Field(ge=0, le=5)
    categories: list[str]
    opened_at: Time
    closed_at: Time | None
    first_byte_ms: int | None
    held_max: int | None = Field(description="The most characters that were held back at once.")
    tokens_in: int | None
    tokens_out: int | None


class TurnList(Answer):
    """A page of turns, newest first."""

    turns: list[Turn]
    next: str | None = Field(description="The `cursor` of the next, older page; null at the end. Also in `Link`.")
    previous: str | None = Field(description="The `cursor` of the newer page.")
    searched_to: Time | None = Field(
        description="How far back the search looked when it stopped because it had looked at enough; `next` goes on."
    )


class Signal(Answer):
    """A finding. `start` and `end` count code points of the text at `place`; null for a scorer."""

    surface: str
    place: str = Field(description="A path of the request, a channel of the answer.")
    category: str
    severity: int
    rule: str
    rule_version: str
    start: int | None
    end: int | None
    score: float
    verdict: str


class Reveal(Answer):
    """Who opened the texts, and why."""

    entry_id: Id
    at: Time
    who: str
    why: str


class Detail(Answer):
    """A turn with everything that is known of it but its texts."""

    turn: Turn
    rules_version: str
    policy_version: str
    instance: str
    added_ms: float | None = Field(description="What the gateway added until the first byte.")
    opened_entry: str | None = Field(description="The ledger entry; null while it is not known.")
    closed_entry: str | None
    has_input: bool
    has_output: bool
    has_said: bool = Field(description="The model's own words are kept, since something else was shown.")
    erased: bool = Field(description="The key of the texts was destroyed: nobody can read them any more.")
    key_prefix: str
    key_note: str
    signals: list[Signal]
    reveals: list[Reveal]
    previous: str | None = Field(description="The turn before, in the same conversation.")
    following: str | None


class InputText(Answer):
    """One text of the request."""

    role: str
    path: str
    text: str


class Texts(Answer):
    """The texts of a turn. Null where nothing is kept, or nobody can read it any more."""

    reveal_entry: Id = Field(description="The ledger entry that records that you opened them.")
    model: str
    input: list[InputText] | None
    shown: dict[str, str] | None = Field(description="What the client was shown, by channel.")
    said: dict[str, str] | None = Field(description="The model's own words; null where they are what was shown.")
    erased: bool
    broken: bool = Field(description="What is stored is not what was sealed.")


class Step(Answer):
    """One thing that was checked; `holds` is null where it cannot be."""

    name: str
    holds: bool | None
    fault: str


class Verification(Answer):
    """Whether the rows and texts of a turn are what the ledger holds."""

    holds: bool
    steps: list[Step]
    ledger_size: int | None = Field(description="Of the head that the proofs lead to.")
    ledger_root: str | None


Entry = Annotated[Literal["opened", "closed"], Query(description="Which entry of the turn.")]


async def find_turns(
    call: Asking, asked: Annotated[TurnQuery, Query()], request: Request, response: Response
) -> TurnList:
    """Find turns."""
    wanted, cursor = filter_of(asked), cursor_of(asked)
    page = await call.read(lambda tx: reading.find(tx, wanted, cursor=cursor, limit=asked.limit))
    links = [_link(request, found, name) for found, name in ((page.older, "next"), (page.newer, "prev")) if found]
    if links:
        response.headers["link"] = ", ".join(links)
    return TurnList(
        turns=[_turn(one) for one in page.rows],
        next=None if page.older is None else page.older.encode(),
        previous=None if page.newer is None else page.newer.encode(),
        searched_to=moment_or_none(page.searched_to),
    )


async def get_turn(call: Asking, turn_id: PathId) -> Detail:
    """Read one turn."""
    return _detail(await call.read(lambda tx: detail.get(tx, turn_id)))


async def reveal_texts(call: Asking, turn_id: PathId, body: Because) -> Texts:
    """Open the texts of a turn; that is recorded first."""
    entry_id, gateway = new_uuid(milliseconds=call.now), call.gateway

    def note(tx: Tx) -> None:
        texts.note_reveal(tx, turn_id, who=call.who, why=body.why, entry_id=entry_id, now=call.now)

    await gateway.store.write(note)
    found = await call.read(lambda tx: texts.open_texts(tx, gateway.vault, turn_id))
    asked = None if found.input is None else [InputText.model_validate(one._asdict()) for one in found.input]
    return Texts(reveal_entry=entry_id, **{**found._asdict(), "input": asked})


async def get_turn_proof(call: Asking, turn_id: PathId, entry: Entry = "closed") -> Proof:
    """Prove the entry that opened or closed a turn."""
    return Proof.model_validate(await call.read(lambda tx: evidence.proof_of(tx, turn_id, entry)))


async def verify_turn(call: Asking, turn_id: PathId) -> Verification:
    """Check a turn against the ledger."""
    gateway, public = call.gateway, public_key(call)
    found = await call.read(lambda tx: evidence.verify_turn(tx, gateway.vault, (public,), turn_id))
    return Verification(
        holds=found.holds,
        steps=[Step(name=one.name, holds=one.holds, fault=one.fault) for one in found.steps],
        ledger_size=None if found.head is None else found.head.size,
        ledger_root=None if found.head is None else found.head.root.hex(),
    )


def _link(request: Request, cursor: Cursor, relation: str) -> str:
    query = request.url.include_query_params(cursor=cursor.encode()).query
    return f'<{request.url.path}?{query}>; rel="{relation}"'


def _turn(row: TurnRow) -> Turn:
    values: dict[str, Any] = row._asdict()
    values |= {name: bool(values[name]) for name in ("streamed", "unattributed", "unscreened")}
    values |= {"opened_at": moment(row.opened_at), "closed_at": moment_or_none(row.closed_at)}
    return Turn.model_validate({**values, "categories": list(row.categories)})


def _detail(found: TurnDetail) -> Detail:
    return Detail(
        turn=_turn(found.row),
        rules_version=found.rules_version,
        policy_version=found.policy_version,
        instance=found.instance,
        added_ms=found.added_ms,
        opened_entry=found.opened_entry,
        closed_entry=found.closed_entry,
        has_input=found.has_input,
        has_output=found.has_output,
        has_said=found.has_said,
        erased=found.erased,
        key_prefix=found.key_prefix,
        key_note=found.key_note,
        signals=[_signal(one) for one in found.signals],
        reveals=[Reveal(entry_id=one.entry_id, at=moment(one.at), who=one.who, why=one.why) for one in found.reveals],
        previous=found.previous,
        following=found.following,
    )


def _signal(found: detail.TurnSignal) -> Signal:
    return Signal(
        surface=found.surface,
        place=found.place,
        category=found.category,
        severity=found.severity,
        rule=found.rule,
        rule_version=found.rule_version,
        start=found.span_start,
        end=found.span_end,
        score=found.score,
        verdict=found.verdict,
    )


OPERATIONS: Final = (
    Operation(
        "GET",
        "/turns",
        Permission.SEE_TURNS,
        find_turns,
        "Turns, newest first; every parameter narrows them.",
        more="Walk through them with `next`, or with the `Link` header. 404 for a `cursor` that leads nowhere.",
        refusals=(404,),
    ),
    Operation(
        "GET", "/turns/{turn_id}", Permission.SEE_TURNS, get_turn, "One turn, and why it was judged so; no text."
    ),
    Operation(
        "POST",
        "/turns/{turn_id}/texts",
        Permission.REVEAL_TEXTS,
        reveal_texts,
        "Open the texts of a turn, giving a reason.",
        more="Who and why is recorded in the ledger and shown with the turn before anything is read.",
    ),
    Operation(
        "GET",
        "/turns/{turn_id}/proof",
        Permission.SEE_TURNS,
        get_turn_proof,
        "The proof that the entry of a turn stands in the ledger.",
        more="Keep the answer as a file: `zhengming ledger check FILE` verifies it offline. 404 while there is none.",
    ),
    Operation(
        "POST",
        "/turns/{turn_id}/verify",
        Permission.SEE_TURNS,
        verify_turn,
        "Check that what is stored of a turn is what the ledger holds.",
    ),
)
