"""The payload is canonical JSON with the seq in its sorted place."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import EventType
from zhengming.ledger import append
from zhengming.store import Store
from zhengming.store.tx import Entry, Tx


class Recorder:
    """The part of a transaction that `append` uses: a list of entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []


def payload_of(fields: dict[str, object], seq: int = 7) -> bytes:
    recorder = Recorder()
    append(recorder, EventType.TURN_OPENED, fields, at=1, entry_id="e")  # type: ignore[arg-type]  # the part that is used
    entry = recorder.entries[0]
    return b"%b%d%b" % (entry.head, seq, entry.tail)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=8,
)
NAMES = TEXT.filter(lambda name: name not in {"id", "type", "at", "seq"})


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=6), st.integers(0, 2**40))
def test_every_payload_is_sorted_compact_and_complete(fields: dict[str, object], seq: int) -> None:
    payload = payload_of(fields, seq)
    expected = {**fields, "id": "e", "type": "turn.opened", "at": 1, "seq": seq}
    assert json.loads(payload) == expected
    assert payload.decode() == json.dumps(expected, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_bytes_are_base64() -> None:
    assert json.loads(payload_of({"sealed": b"\x00\xff"}))["sealed"] == base64.b64encode(b"\x00\xff").decode()


@pytest.mark.parametrize(
    "fields",
    [
        {"score": 0.5},
        {"deep": [{"score": float("nan")}]},
        {"deep": {"more": (1.0,)}},
        {"big": 2**64},
        {"lone": "\ud800"},
        {"other": object()},
        {"keys": {1: "no text"}},
        {"seq": 1},
        {"type": "turn.closed"},
    ],
)
def test_what_has_no_one_spelling_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        payload_of(fields)


def test_an_entry_stands_or_falls_with_its_unit(kept: Store) -> None:
    def failing(tx: Tx) -> None:
        append(tx, EventType.TURN_OPENED, {})
        raise KeyError("no")

    with pytest.raises(KeyError):
        kept.write_sync(failing)
    name = kept.write_sync(lambda tx: append(tx, EventType.TURN_OPENED, {"a": 1}, at=5))
    row = kept.read_sync(lambda tx: tx.rows("SELECT seq, id, type, at, payload FROM ledger_entry"))
    assert row == [(0, name, "turn.opened", 5, f'{{"a":1,"at":5,"id":"{name}","seq":0,"type":"turn.opened"}}'.encode())]
