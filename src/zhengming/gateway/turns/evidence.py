"""Whether what the page of a turn says is what the ledger holds, step by step, so that a reader can follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Final, NamedTuple

from zhengming.core.errors import ZhengmingError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType, Surface
from zhengming.gateway import records
from zhengming.gateway.turns import detail
from zhengming.gateway.turns.detail import TurnDetail
from zhengming.gateway.turns.texts import Sealed, read_sealed
from zhengming.ledger import Vault, commitment
from zhengming.ledger.commitments import SALT_BYTES
from zhengming.ledger.errors import PersonErasedError, SealBrokenError
from zhengming.ledger.head import Head, is_genuine
from zhengming.ledger.proof import ProofError, verify_proof
from zhengming.ledger.prove import prove
from zhengming.store import Tx

MOST_PROGRESS: Final = 100
"""How many signs of progress one verification looks at, the last ones."""


class Step(NamedTuple):
    """One thing that was checked. `holds` is None where it cannot be checked; `fault` says what disagrees.

    `name` is one of `opened`, `opened_row`, `opened_reasons`, `input`, `progress`, `closed`, `closed_row`,
    `closed_reasons`, `output`, `said`, `shown`, `head`.
    """

    name: str
    holds: bool | None
    fault: str = ""


class Evidence(NamedTuple):
    """What a verification found.

    `proofs` are the inclusion proofs of the entries `opened` and `closed`, as `zhengming ledger check` takes them.
    """

    steps: tuple[Step, ...]
    proofs: dict[str, dict[str, Any]]
    head: Head | None

    @property
    def holds(self) -> bool:
        """Whether nothing disagrees and at least one entry was proved."""
        return bool(self.proofs) and all(step.holds is not False for step in self.steps)


class _Entry(NamedTuple):
    step: Step
    proof: dict[str, Any] | None
    said: dict[str, Any]


def proof_of(tx: Tx, turn_id: str, kind: str) -> dict[str, Any]:
    """Return the inclusion proof of the entry that opened or closed a turn (`opened`, `closed`).

    Raises NotFoundError when there is no such turn or entry.
    """
    turn = detail.get(tx, turn_id)
    return prove(tx, _entry_id(tx, turn, kind) or f"of turn {turn_id} ({kind})")


def verify_turn(tx: Tx, vault: Vault, public: Iterable[bytes], turn_id: str) -> Evidence:
    """Check a turn against the ledger; `public` are the keys that may have signed its head.

    Nothing that is stored can make it raise but the absence of the turn (NotFoundError): what disagrees is a step that
    does not hold.
    """
    turn, sealed = detail.get(tx, turn_id), read_sealed(tx, turn_id)
    opened = _entry(tx, turn, "opened", (EventType.TURN_OPENED,))
    steps = [opened.step]
    if opened.said:
        steps += [
            _same("opened_row", _opened_differences(turn, opened.said)),
            _reasons("opened_reasons", turn, Surface.INPUT, opened.said),
            _digest("input", sealed.input, opened.said.get("input_sha256")),
        ]
    if turn.progress:
        steps.append(_progress(tx, turn))
    closed = None
    if turn.row.state != records.OPEN:
        closed = _entry(tx, turn, "closed", (EventType.TURN_CLOSED, EventType.TURN_INTERRUPTED))
        steps += [closed.step, *_closed_steps(tx, vault, turn, sealed, closed.said)]
    proofs = {kind: one.proof for kind, one in (("opened", opened), ("closed", closed)) if one and one.proof}
    heads = [Head.from_json(one["head"]) for one in proofs.values()]
    if heads:
        steps.append(_check("head", lambda: "" if is_genuine(heads[0], public) else heads[0].key_id))
    return Evidence(tuple(steps), proofs, heads[0] if heads else None)


def _check(name: str, work: Callable[[], str]) -> Step:
    """Do the work, which returns what disagrees; an error of what is stored is a disagreement too."""
    try:
        fault = work()
    except PersonErasedError:
        return Step(name, None)
    except (ZhengmingError, ProofError, KeyError, TypeError, ValueError) as error:
        return Step(name, False, str(error) or type(error).__name__)
    return Step(name, not fault, fault)


def _same(name: str, differences: Iterable[str]) -> Step:
    found = list(differences)
    return Step(name, not found, ", ".join(found))


def _entry(tx: Tx, turn: TurnDetail, kind: str, types: tuple[EventType, ...]) -> _Entry:
    """Find, prove and read the entry of a turn."""
    proved: dict[str, Any] = {}
    said: dict[str, Any] = {}

    def work() -> str:
        proof = prove(tx, _entry_id(tx, turn, kind) or kind)
        entry = verify_proof(proof)
        if entry.get("turn") != turn.row.id or entry.get("type") not in types:
            return f"{entry.get('type')} {entry.get('turn', '')}"
        proved.update(proof)
        said.update(entry)
        return ""

    step = _check(kind, work)
    return _Entry(step, proved or None, said)


def _entry_id(tx: Tx, turn: TurnDetail, kind: str) -> str | None:
    """The id of the entry as the row names it; for rows of an older version it is looked for by its moment."""
    named, at = (turn.opened_entry, turn.row.opened_at) if kind == "opened" else (turn.closed_entry, turn.row.closed_at)
    if named is not None or at is None:
        return named
    rows = tx.rows(
        "SELECT id, payload FROM ledger_entry WHERE id >= :low AND id < :high AND type LIKE 'turn.%'",
        {
            "low": new_uuid(milliseconds=at, randomness=bytes(10)),
            "high": new_uuid(milliseconds=at + 1, randomness=bytes(10)),
        },
    )
    marked = f'"turn":"{turn.row.id}"'.encode()
    opening = b'"type":"turn.opened"'
    return next(
        (one for one, payload in rows if marked in payload and (opening in payload) == (kind == "opened")), None
    )


def _opened_differences(turn: TurnDetail, said: dict[str, Any]) -> list[str]:
    row = turn.row
    expected = {
        "service_id": row.service_id,
        "key_id": row.key_id,
        "person_id": row.person_id,
        "conversation_id": row.conversation_id,
        "api": row.api,
        "model": row.model,
        "audience": row.audience,
        "verdict_input": row.verdict_input,
        "care_level": row.care_level,
        "relation": row.relation,
        "attributed": not row.unattributed,
        "rules": turn.rules_version,
        "policy": turn.policy_version,
        "at": row.opened_at,
    }
    return [name for name, value in expected.items() if said.get(name) != value]


def _closed_differences(turn: TurnDetail, said: dict[str, Any]) -> list[str]:
    row = turn.row
    expected = {
        "ending": row.outcome,
        "upstream": row.upstream,
        "unscreened": bool(row.unscreened),
        "verdict_output": row.verdict_output,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
        "at": row.closed_at,
    }
    if said.get("type") == EventType.TURN_INTERRUPTED:
        expected = {"opened_at": row.opened_at, "at": row.closed_at}
    return [name for name, value in expected.items() if said.get(name) != value]


def _reasons(name: str, turn: TurnDetail, surface: Surface, said: dict[str, Any]) -> Step:
    """Compare the findings of the rows with those of the entry, in order."""
    found = [
        {
            "place": one.place,
            "category": one.category,
            "severity": one.severity,
            "rule": one.rule,
            "version": one.rule_version,
            "verdict": one.verdict,
            "span": None if one.span_start is None else [one.span_start, one.span_end],
        }
        for one in turn.signals
        if one.surface == surface
    ]
    entered = said.get("reasons", [])
    if len(found) != len(entered):
        return Step(name, False, f"{len(found)} / {len(entered)}")
    return _same(name, [str(one["rule"]) for one, other in zip(found, entered, strict=True) if one != other])


def _digest(name: str, sealed: bytes | None, expected: object) -> Step:
    if sealed is None and expected is None:
        return Step(name, None)
    found = "" if sealed is None else sha256(sealed).hexdigest()
    return Step(name, found == expected, "" if found == expected else f"{found[:16]} / {str(expected)[:16]}")


def _closed_steps(tx: Tx, vault: Vault, turn: TurnDetail, sealed: Sealed, said: dict[str, Any]) -> list[Step]:
    if not said:
        return []
    steps = [_same("closed_row", _closed_differences(turn, said))]
    if said["type"] == EventType.TURN_INTERRUPTED:
        return steps
    steps += [
        _reasons("closed_reasons", turn, Surface.OUTPUT, said),
        _digest("output", sealed.output, said.get("output_sha256")),
    ]
    if sealed.said is not None or "said_sha256" in said:
        steps.append(_digest("said", sealed.said, said.get("said_sha256")))

    def shown() -> str:
        if sealed.output is None:
            raise SealBrokenError("The transcript is missing.")
        plain = vault.open(tx, sealed.person, sealed.output, turn.row.id)
        found = commitment(plain[:SALT_BYTES], plain[SALT_BYTES:]).hex()
        return "" if found == said["shown"] else f"{found[:16]} / {str(said['shown'])[:16]}"

    return [*steps, _check("shown", shown)]


def _progress(tx: Tx, turn: TurnDetail) -> Step:
    def work() -> str:
        for one in turn.progress[-MOST_PROGRESS:]:
            entry = verify_proof(prove(tx, one.entry_id))
            if (entry.get("turn"), entry.get("at"), entry.get("shown_characters")) != (
                turn.row.id,
                one.at,
                one.characters,
            ):
                return one.entry_id
        return ""

    return _check("progress", work)
