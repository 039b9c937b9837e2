"""Appending: an entry becomes canonical bytes now and a leaf of the tree when its unit commits."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson

from zhengming.core.errors import InvalidInputError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType
from zhengming.store.tx import Entry, Tx

RESERVED: Final = frozenset({"id", "type", "at", "seq"})
_PLAIN: Final = frozenset({str, int, bool, bytes, type(None)})


def append(
    tx: Tx, event: EventType, fields: Mapping[str, object], *, at: int | None = None, entry_id: str | None = None
) -> str:
    """Append an entry in this unit and return its id; it stands or falls with the unit's rows.

    The payload is canonical JSON: UTF-8, keys sorted by code point, no white space, no floats, `bytes` as standard
    base64; `id`, `type`, `at` and, at commit, `seq` are added. `at` is milliseconds UTC, now when not given.
    Raises InvalidInputError for a reserved key, a float, an integer beyond 64 bits or a lone surrogate.
    """
    moment = time.time_ns() // 1_000_000 if at is None else at
    name = new_uuid(milliseconds=moment) if entry_id is None else entry_id
    head: dict[str, object] = {"at": moment, "id": name}
    tail: dict[str, object] = {"type": event.value}
    for key, value in fields.items():
        if key in RESERVED:
            raise InvalidInputError(f"A field of a ledger entry may not be named {key!r}.", next_step="Rename it.")
        if type(value) not in _PLAIN:
            _refuse_floats(value, key)
        if key < "seq":
            head[key] = value
        else:
            tail[key] = value
    # The seq is known only when the transaction ends, so the sorted keys are written in two halves around it.
    entry = Entry(name, event.value, moment, canonical(head)[:-1] + b',"seq":', b"," + canonical(tail)[1:])
    tx.entries.append(entry)
    return name


def canonical(record: Mapping[str, object]) -> bytes:
    """Return the record as canonical JSON; raises InvalidInputError for what :func:`append` refuses but floats."""
    try:
        return orjson.dumps(record, default=_base64, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InvalidInputError(
            f"A ledger entry cannot hold these fields: {error}.",
            next_step="Use text, integers of 64 bits, booleans, bytes, lists and mappings with text keys.",
        ) from error


def _refuse_floats(value: object, place: str) -> None:
    """Floats have no one spelling, so a hash over them proves nothing."""
    if isinstance(value, float):
        raise InvalidInputError(f"The field {place} of a ledger entry is a float.", next_step="Store an integer.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_floats(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_floats(inner, place)


def _base64(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    message = f"{type(value).__name__} is not allowed"
    raise TypeError(message)
