"""The texts of a turn, unsealed: only after somebody asked with a reason, and that was recorded."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from zhengming.core.errors import NotFoundError
from zhengming.core.words import EventType
from zhengming.gateway.records import said_seal
from zhengming.ledger import Vault, append
from zhengming.ledger.commitments import SALT_BYTES
from zhengming.ledger.errors import PersonErasedError, SealBrokenError
from zhengming.store import Tx

OPEN_FOR: Final = 15 * 60_000
"""How long (ms) texts stay open to whoever asked for them."""

_CHANNEL: Final = re.compile("\x1e([0-9A-Za-z_./-]{1,80})\x1f")


class InputText(NamedTuple):
    """One text of the request. `path` is empty for a turn of an older version, which kept none."""

    role: str
    path: str
    text: str


class Texts(NamedTuple):
    """The texts of a turn. A member is None where there is nothing sealed, or the seal cannot be opened.

    `shown` are the texts that were handed to the client by channel, our label and notices in them; `said` are the
    model's own words, None where what was shown says the same once our label is taken off. `erased`: the key was
    destroyed. `broken`: what is stored is not what was sealed. Lone surrogates are replaced, so every text can be
    written as UTF-8.
    """

    input: tuple[InputText, ...] | None
    model: str
    shown: dict[str, str] | None
    said: dict[str, str] | None
    erased: bool
    broken: bool


class Sealed(NamedTuple):
    """The sealed texts of a turn as they lie in its row."""

    person: str
    input: bytes | None
    output: bytes | None
    said: bytes | None


def read_sealed(tx: Tx, turn_id: str) -> Sealed:
    """Return what lies sealed; NotFoundError when there is no such turn."""
    row = tx.one("SELECT person_id, input_sealed, output_sealed, said_sealed FROM turn WHERE id = :id", {"id": turn_id})
    if row is None:
        raise NotFoundError(f"There is no turn {turn_id[:60]!r}.", next_step="Look for it in the list: /turns")
    return Sealed(*row)


def open_texts(tx: Tx, vault: Vault, turn_id: str) -> Texts:
    """Unseal the texts of a turn; call it only once a reveal was noted. NotFoundError when there is no such turn."""
    sealed = read_sealed(tx, turn_id)
    faults: set[type[Exception]] = set()

    def opened(found: bytes | None, name: str) -> bytes | None:
        try:
            return None if found is None else vault.open(tx, sealed.person, found, name)
        except (PersonErasedError, SealBrokenError) as error:
            faults.add(type(error))
            return None

    output = opened(sealed.output, turn_id)
    said = opened(sealed.said, said_seal(turn_id))
    request = opened(sealed.input, turn_id)
    asked, model = (None, "") if request is None else _input(request)
    return Texts(
        asked,
        model,
        None if output is None else channels_of(output[SALT_BYTES:]),
        None if said is None else {str(name): clean(text) for name, text in json.loads(said)["channels"].items()},
        PersonErasedError in faults,
        SealBrokenError in faults,
    )


def channels_of(shown: bytes) -> dict[str, str]:
    """Return the texts of a transcript by channel; see `gateway.transcript` for how it is written."""
    parts = _CHANNEL.split(shown.decode("utf-8", "surrogatepass"))
    found: dict[str, list[str]] = {}
    for channel, text in zip(parts[1::2], parts[2::2], strict=True):
        found.setdefault(channel, []).append(clean(text))
    return {channel: "".join(texts) for channel, texts in found.items()}


def clean(text: str) -> str:
    """Return a text of the same length that can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def note_reveal(tx: Tx, turn_id: str, *, who: str, why: str, entry_id: str, now: int) -> None:
    """Record in this unit that somebody opens the texts of a turn: a row of the turn, and an entry of the ledger.

    `entry_id` is drawn outside, since a unit may run twice. NotFoundError when there is no such turn.
    """
    read_sealed(tx, turn_id)
    append(tx, EventType.TEXT_REVEALED, {"turn": turn_id, "who": who, "why": why}, at=now, entry_id=entry_id)
    tx.run(
        "INSERT INTO turn_reveal (turn_id, entry_id, at, who, why) VALUES (:turn, :entry, :at, :who, :why)",
        {"turn": turn_id, "entry": entry_id, "at": now, "who": who, "why": why},
    )


def open_until(tx: Tx, turn_id: str, entry_id: str, *, who: str) -> int:
    """Return the moment (ms UTC) until which a reveal opens the texts for the person who asked; 0 for anybody else."""
    row = tx.one(
        "SELECT at FROM turn_reveal WHERE turn_id = :turn AND entry_id = :entry AND who = :who",
        {"turn": turn_id, "entry": entry_id, "who": who},
    )
    return 0 if row is None else int(row[0]) + OPEN_FOR


def _input(plain: bytes) -> tuple[tuple[InputText, ...], str]:
    found: dict[str, Any] = json.loads(plain.decode("utf-8", "surrogatepass"))
    pieces = tuple(
        InputText(str(one["role"]), clean(str(one.get("path", ""))), clean(str(one["text"]))) for one in found["new"]
    )
    return pieces, clean(str(found["model"]))
