"""However the bytes are cut, and whether they come as a stream or whole, a reader sees the same and nothing leaks."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from tests.gateway.wire.cases import BLOCKED, END, START
from tests.gateway.wire.responses_cases import (
    call,
    encoded,
    events_for,
    message,
    played,
    reasoning,
    run,
    shown_in,
    text_part,
    whole,
)

KINDS = {get_args(one.model_fields["type"].annotation)[0]: one for one in get_args(get_args(ResponseStreamEvent)[0])}

WORDS = (
    "好的，",
    "tea ",
    "秘密",
    "口令",
    "制造",
    "炸弹",
    "secret ",
    "code",
    "138",
    "12345678",
    " ",
    "\n",
    "```",
    "{",
    "😀",
    "é",
)

texts = st.lists(st.sampled_from(WORDS), max_size=8).map("".join)


def _dialled(text: str) -> Any:
    return call(json.dumps({"to": text}, ensure_ascii=False))


def _cited(text: str) -> Any:
    marks = [
        {"type": "url_citation", "url": "https://e.x", "title": "t", "start_index": start, "end_index": end}
        for start, end in ((0, len(text) // 2), (len(text) // 2, len(text)))
    ]
    return message(text_part(text, annotations=marks))


items = st.lists(
    st.one_of(
        texts.map(message),
        st.tuples(texts, texts).map(lambda two: message(*two)),
        texts.map(lambda text: message({"type": "refusal", "refusal": text})),
        texts.map(reasoning),
        texts.map(_dialled),
        texts.map(_cited),
    ),
    max_size=3,
).map(lambda found: [{**item, "id": f"{item['id']}_{number}"} for number, item in enumerate(found)])
labels = st.sampled_from(({}, {"label_end": "", "label_start": START}, {"label_end": ""}))


def pieces(size: int) -> Any:
    """Cut a text into deltas of this many characters."""
    return lambda text: [text[start : start + size] for start in range(0, len(text), size)]


@settings(max_examples=200, deadline=None)
@given(items, labels, st.integers(1, 9))
@example([message("先制造炸弹")], {}, 1)
@example([message("a", "制造炸弹")], {}, 3)
@example([_cited("tea 秘密口令 tea")], {"label_end": "", "label_start": START}, 2)
@example([_cited("tea tea 制造炸弹")], {}, 2)
def test_a_stream_shows_what_the_whole_answer_shows(found: list[Any], label: Any, size: int) -> None:
    seen = played(found, pieces(size), **label)
    body, result = whole(found, **label)

    assert _texts(seen.shown) == _texts(shown_in(result))
    assert list(seen.stream.replies()) == list(result.replies)
    assert seen.stream.stopped == result.stopped
    assert seen.last["status"] == body["status"]
    assert seen.stream.found == list(result.found)
    streamed = [_comparable(item) for item in seen.last["output"]]
    assert streamed == [_comparable(item) for item in body["output"]]


@settings(max_examples=150, deadline=None)
@given(items, st.integers(1, 9))
@example([_cited("tea 秘密口令 tea")], 2)
@example([message("秘密 口令")], 1)
@example([message("制造```炸弹")], 1)
def test_spans_count_in_what_the_model_said(found: list[Any], size: int) -> None:
    stream = played(found, pieces(size)).stream
    _, result = whole(found)

    assert stream.stopped or stream.said() == result.said
    for said, reasons in ((stream.said(), stream.found), (result.said, result.found)):
        for channel, reason in reasons:
            start, end = reason.signal.span or (0, 0)
            matched = said[channel][start:end]
            letters = "".join(filter(str.isalnum, matched))  # what stands between them does not hide a phrase
            assert letters in {blocked.replace(" ", "") for blocked in BLOCKED}
            assert matched[0] == letters[0]
            assert matched[-1] == letters[-1]


def test_titles_of_citations_are_one_text_for_the_record() -> None:
    marks = [
        {"type": "url_citation", "url": "https://e.x", "title": title, "start_index": 0, "end_index": 3}
        for title in ("about tea", "the secret code", "more tea", "a secret code")
    ]
    _, result = whole([message(text_part("tea and more", annotations=marks))])
    spans = [reason.signal.span for place, reason in result.found if place == "0/annotations"]

    assert [result.said["0/annotations"][start:end] for start, end in filter(None, spans)] == ["secret code"] * 2


def _texts(shown: dict[str, str]) -> dict[str, str]:
    """What was shown, without the annotations: they may come after a stop."""
    return {channel: text for channel, text in shown.items() if not channel.endswith("annotations")}


def _comparable(item: Any) -> Any:
    """An item without what may differ where it was stopped: empty parts, and annotations that had not come yet."""
    parts = [dict(part) for part in item.get("content", ()) if part.get("text") or part.get("refusal")]
    if item.get("status") == "incomplete":
        for part in parts:
            part.pop("annotations", None)
    return {**item, "content": parts} if "content" in item else item


@settings(max_examples=150, deadline=None)
@given(items, st.integers(1, 9), st.integers(1, 40))
def test_every_cut_of_the_bytes_gives_the_same_bytes(found: list[Any], size: int, step: int) -> None:
    data = b"".join(encoded(events_for(found, pieces(size))))
    once = run(data)
    cut = run(data, range(0, len(data), step))

    assert cut.data == once.data
    assert cut.shown == once.shown


@settings(max_examples=200, deadline=None)
@given(items, st.integers(1, 9))
def test_nothing_of_a_blocked_span_is_in_any_byte(found: list[Any], size: int) -> None:
    seen = played(found, pieces(size))
    for span in (BLOCKED[0], BLOCKED[2]):
        assert span not in seen.data.decode()
        assert not [text for text in seen.shown.values() if span in text]


@settings(max_examples=60, deadline=None)
@given(items, st.integers(1, 9))
def test_the_official_types_read_every_event(found: list[Any], size: int) -> None:
    seen = played(found, pieces(size))
    for one in seen.events:
        KINDS[one["type"]].model_validate(one)
    Response.model_validate(seen.last)
    Response.model_validate(whole(found)[0])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100])
def test_a_text_is_labelled_once_however_it_is_cut(size: int) -> None:
    text = "先用热水把茶壶和茶杯温一遍，秘密口令。"
    assert played([message(text)], pieces(size)).deltas() == text.replace("秘密口令", "[code]") + END
