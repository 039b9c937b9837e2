"""The ledger: its head, entries and proofs, checkpoints, and checks of the whole."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Final

from fastapi import Path, Query
from pydantic import Field

from zhengming.console.api.operation import Asking, Call, Operation
from zhengming.console.api.values import Answer, Id, PathId, Time, moment, moment_or_none
from zhengming.core.errors import InvalidInputError, NotFoundError
from zhengming.core.ids import new_uuid
from zhengming.core.words import Permission
from zhengming.ledger import checkpoints, checks
from zhengming.ledger.head import Head as StoredHead
from zhengming.ledger.head import load_public
from zhengming.ledger.prove import prove, prove_consistency, read_head

EntryName = Annotated[
    str,
    Path(
        pattern=r"^([0-9]{1,15}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
        description="The id of an entry, or its seq.",
    ),
]
Size = Annotated[int, Query(ge=0, le=10**15, description="A size that was noted earlier.")]
Most = Annotated[int, Query(ge=1, le=200, description="How many at most, the latest first.")]


class Head(Answer):
    """The signed head: size, root and moment. Hashes and signature are hexadecimal."""

    size: int
    root: str
    at: int = Field(description="Milliseconds since 1970, UTC: this number is what was signed.")
    key_id: str = Field(description="The first 16 digits of the SHA-256 of the public key.")
    signature: str = Field(description="Ed25519.")


class Proof(Answer):
    """An inclusion proof; `zhengming ledger check` verifies it offline (RFC 9162, 2.1.3)."""

    kind: str
    seq: int
    id: Id
    payload: str = Field(description="The canonical JSON of the entry in base64: the bytes that are hashed.")
    path: list[str]
    head: Head


class Entry(Answer):
    """An entry. `payload` holds `id`, `seq`, `at` (ms), `type`, and what its type says; never a text of a person."""

    seq: int
    id: Id
    type: str = Field(examples=["turn.closed"])
    at: Time
    payload: dict[str, Any]


class Consistency(Answer):
    """That the present ledger continues the one of `old_size` entries (RFC 9162, 2.1.4)."""

    kind: str
    old_size: int
    old_root: str = Field(description="Compare it with the root that you noted at that size.")
    path: list[str]
    head: Head


class Checkpoint(Answer):
    """A head that was written down; keep a copy elsewhere: a later ledger must continue it."""

    head: Head
    noted_at: Time
    noted_by: str


class CheckpointList(Answer):
    """Checkpoints, the latest first."""

    public_key: str = Field(description="Ed25519, hexadecimal.")
    checkpoints: list[Checkpoint]


class Fault(Answer):
    """One thing that is wrong with the ledger."""

    kind: str
    place: str
    message: str


class Check(Answer):
    """A verification of the whole ledger."""

    id: Id
    state: str = Field(description="`running`, `passed`, `faults`, `failed` or `interrupted`.")
    started_at: Time
    started_by: str
    finished_at: Time | None
    size: int
    done: int = Field(description="Entries read so far.")
    faults_total: int | None = Field(description="Null until it has ended.")
    faults: list[Fault] = Field(description="The first of them.")
    error: str = Field(description="Why it could not be made; empty when it could.")


class CheckList(Answer):
    """Checks, the latest first."""

    checks: list[Check]


async def get_head(call: Asking) -> Head:
    """Read the head."""
    return _head(await call.read(lambda tx: read_head(tx)[0]))


async def get_entry(call: Asking, entry: EntryName) -> Entry:
    """Read one entry."""
    proof = await call.read(lambda tx: prove(tx, _wanted(entry)))
    payload = json.loads(base64.b64decode(proof["payload"]))
    return Entry(seq=proof["seq"], id=proof["id"], type=payload["type"], at=moment(payload["at"]), payload=payload)


async def get_proof(call: Asking, entry: EntryName) -> Proof:
    """Prove one entry."""
    return Proof.model_validate(await call.read(lambda tx: prove(tx, _wanted(entry))))


async def get_consistency(call: Asking, old_size: Size) -> Consistency:
    """Prove that the past was not changed."""
    try:
        return Consistency.model_validate(await call.read(lambda tx: prove_consistency(tx, old_size)))
    except InvalidInputError as error:  # the size fits the document; the ledger has not come so far
        raise NotFoundError(error.message, next_step=error.next_step) from error


async def list_checkpoints(call: Asking, limit: Most = 50) -> CheckpointList:
    """Read checkpoints."""
    found = await call.read(lambda tx: checkpoints.list_of(tx, limit=limit))
    public = public_key(call).hex()
    return CheckpointList(public_key=public, checkpoints=[_checkpoint(one) for one in found])


async def note_checkpoint(call: Asking) -> Checkpoint:
    """Write the head down."""
    return _checkpoint(await call.write(lambda tx: checkpoints.note(tx, who=call.who, now=call.now)))


async def list_checks(call: Asking, limit: Most = 20) -> CheckList:
    """Read checks."""
    found = await call.read(lambda tx: checks.list_of(tx, limit=limit))
    return CheckList(checks=[_check(one, call.now) for one in found])


async def get_check(call: Asking, check_id: PathId) -> Check:
    """Read one check."""
    return _check(await call.read(lambda tx: checks.get(tx, check_id)), call.now)


async def start_check(call: Asking) -> Check:
    """Begin a check; it goes on in a thread."""
    gateway, check_id = call.gateway, new_uuid(milliseconds=call.now)
    public = public_key(call)
    begun = await call.write(
        lambda tx: checks.begin(tx, check_id, who=call.who, instance=gateway.instance, now=call.now)
    )
    checks.start(gateway.store, public, begun, gateway.clock)
    return _check(begun, call.now)


def public_key(call: Call) -> bytes:
    """Return the public half of the key that signs heads."""
    return load_public(call.console.facts.data)


def _wanted(entry: str) -> str | int:
    return int(entry) if entry.isdecimal() else entry


def _head(found: StoredHead) -> Head:
    return Head.model_validate(found.as_json())


def _checkpoint(found: checkpoints.Checkpoint) -> Checkpoint:
    return Checkpoint(head=_head(found.head), noted_at=moment(found.noted_at), noted_by=found.noted_by)


def _check(found: checks.Check, now: int) -> Check:
    result = found.result()
    return Check(
        id=found.id,
        state=found.state_at(now),
        started_at=moment(found.started_at),
        started_by=found.started_by,
        finished_at=moment_or_none(found.finished_at),
        size=found.size,
        done=found.done,
        faults_total=result.get("total"),
        faults=[Fault(kind=str(kind), place=place, message=text) for kind, place, text in found.findings()],
        error=str(result.get("error", "")),
    )


OPERATIONS: Final = (
    Operation("GET", "/ledger/head", Permission.SEE_LEDGER, get_head, "The signed head: note it elsewhere."),
    Operation("GET", "/ledger/entries/{entry}", Permission.SEE_LEDGER, get_entry, "One entry, by its id or its seq."),
    Operation(
        "GET",
        "/ledger/entries/{entry}/proof",
        Permission.SEE_LEDGER,
        get_proof,
        "The proof that an entry stands in the ledger.",
        more="Keep the answer as a file: `zhengming ledger check FILE` verifies it offline.",
    ),
    Operation(
        "GET",
        "/ledger/consistency",
        Permission.SEE_LEDGER,
        get_consistency,
        "The proof that the ledger continues the one of an earlier size.",
        more="404 when the ledger has not come so far.",
        refusals=(404,),
    ),
    Operation("GET", "/ledger/checkpoints", Permission.SEE_LEDGER, list_checkpoints, "Heads that were written down."),
    Operation(
        "POST",
        "/ledger/checkpoints",
        Permission.CHECK_LEDGER,
        note_checkpoint,
        "Write the present head down.",
        status=201,
    ),
    Operation("GET", "/ledger/checks", Permission.SEE_LEDGER, list_checks, "Checks of the whole ledger."),
    Operation(
        "POST",
        "/ledger/checks",
        Permission.CHECK_LEDGER,
        start_check,
        "Begin a check of the whole ledger; ask for it by its id until it has ended.",
        more="409 while another check is under way.",
        status=202,
        refusals=(409,),
    ),
    Operation("GET", "/ledger/checks/{check_id}", Permission.SEE_LEDGER, get_check, "One check, and what it found."),
)
