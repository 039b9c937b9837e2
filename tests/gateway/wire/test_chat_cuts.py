"""Properties of chat answers: however bytes and texts were cut, the client reads the same, and no blocked text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.wire.cases import DONE, END, FIRST, LAST, NOTICE, START, Seen, chunk, context, request, run

from zhengming.gateway.wire.chat_whole import chat_whole

# The characters of the blocked phrases stand nowhere else, so that none of them may be in any output byte.
HIDDEN = ("秘密口令", " 13812345678 ")
STOPPED = "制造炸弹"
BLOCKED = "秘密口令制造炸弹"
TRACES = tuple(form.encode() for character in BLOCKED for form in (character, json.dumps(character)[1:-1]))
FILLER = st.text(st.sampled_from('好的 ，。abXY\n"\\/{}[]:😀\u200b0é'), max_size=6)
TEXTS = st.lists(FILLER | st.sampled_from((*HIDDEN, STOPPED)), max_size=5).map("".join)
ARGUMENTS = st.dictionaries(st.sampled_from("ab"), TEXTS, max_size=2)


@st.composite
def spelled(draw: st.DrawFn, data: Any) -> bytes:
    """An event in one of the ways in which servers write JSON and events."""
    ascii_only = draw(st.booleans()) or "\\ud" in json.dumps(data)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    raw = json.dumps(data, ensure_ascii=ascii_only, separators=separators).encode()
    head, end = draw(st.sampled_from([(b"data: ", b"\n\n"), (b"data:", b"\n\n"), (b"data: ", b"\r\n\r\n")]))
    return head + raw + end


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """The text, cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, dict[str, Any]]:
    """A streamed answer, and the message that it spells."""
    message = {
        "reasoning_content": draw(TEXTS),
        "content": draw(TEXTS),
        "refusal": draw(st.just("") | TEXTS),
        "arguments": json.dumps(draw(ARGUMENTS), ensure_ascii=draw(st.booleans())) if draw(st.booleans()) else "",
    }
    events = [FIRST]
    for key in ("reasoning_content", "content", "refusal", "arguments"):
        for number, piece in enumerate(draw(pieces(message[key])) if message[key] else ()):
            delta: dict[str, Any] = {key: piece}
            if key == "arguments":
                named = {"id": "c", "type": "function"} if number == 0 else {}
                function = {"arguments": piece} | ({"name": "f"} if number == 0 else {})
                delta = {"tool_calls": [{"index": 0, **named, "function": function}]}
            events.append(draw(spelled(chunk(delta))))
    return b"".join([*events, LAST, DONE]), message


def shown(seen: Seen) -> dict[str, str]:
    names = {"0/tool_calls/0/function/arguments": "arguments"}
    return {names.get(channel, channel[2:]): text for channel, text in seen.shown.items() if text}


CHANNELS = {key: f"0/{key}" for key in ("reasoning_content", "content", "refusal")}
CHANNELS["arguments"] = "0/tool_calls/0/function/arguments"
MATCHED = {"hide": "秘密口令", "phone": "13812345678", "stop": STOPPED}


LABELS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"label_end": END}, {"label_end": "", "label_start": START}, {"label_end": ""}]
)


@settings(max_examples=120, deadline=None)
@given(answer=answers(), cuts=st.lists(st.integers(0, 4_000), max_size=12), label=LABELS)
def test_no_cut_of_the_bytes_changes_what_leaves(
    answer: tuple[bytes, dict[str, Any]], cuts: list[int], label: dict[str, Any]
) -> None:
    data, _ = answer
    whole = run(data, **label)
    parted = run(data, cuts, **label)
    assert parted.data == whole.data
    assert parted.shown == whole.shown
    assert parted.stream.replies() == whole.stream.replies()


@settings(max_examples=120, deadline=None)
@given(answer=answers(), cuts=st.lists(st.integers(0, 4_000), max_size=12), label=LABELS)
def test_spans_count_in_what_the_model_said_however_its_answer_was_cut(
    answer: tuple[bytes, dict[str, Any]], cuts: list[int], label: dict[str, Any]
) -> None:
    data, spelt = answer
    stream = run(data, cuts, **label).stream
    said = stream.said()
    for key, channel in CHANNELS.items():
        assert spelt[key].startswith(said.get(channel, "")), "said is what the model said, as far as it was read"
        assert stream.stopped or said.get(channel, "") == spelt[key]
    assert stream.found == run(data, **label).stream.found
    for channel, reason in stream.found:
        start, end = reason.signal.span or (0, 0)
        matched = said[channel][start:end]
        if channel == CHANNELS["arguments"]:  # raw JSON: its escapes are still to be read
            matched = json.loads(f'"{matched}"')
        assert matched == MATCHED[reason.signal.rule]


@settings(max_examples=25, deadline=None)
@given(answer=answers())
def test_single_bytes_are_enough(answer: tuple[bytes, dict[str, Any]]) -> None:
    data, _ = answer
    assert run(data, range(len(data))).data == run(data).data


@settings(max_examples=120, deadline=None)
@given(answer=answers(), label=LABELS)
def test_nothing_of_a_blocked_span_is_in_any_byte(answer: tuple[bytes, dict[str, Any]], label: dict[str, Any]) -> None:
    seen = run(answer[0], **label)
    assert not [trace for trace in TRACES if trace in seen.data]
    assert not [text for text in seen.shown.values() if "13812345678" in text]


@settings(max_examples=120, deadline=None)
@given(answer=answers(), label=LABELS)
def test_the_events_say_what_was_noted_as_shown(answer: tuple[bytes, dict[str, Any]], label: dict[str, Any]) -> None:
    seen = run(answer[0], **label)
    assert seen.text() == seen.shown.get("0/content", "")
    assert seen.text("refusal") == seen.shown.get("0/refusal", "")
    assert seen.text("reasoning_content") == seen.shown.get("0/reasoning_content", "")
    assert seen.arguments() == seen.shown.get("0/tool_calls/0/function/arguments", "")
    assert len(seen.finishes()) == 1
    assert seen.labelled()[0] == 0
    assert seen.events[seen.labelled()[-1]]["choices"][0]["finish_reason"]


@settings(max_examples=120, deadline=None)
@given(answer=answers(), label=LABELS, ascii_only=st.booleans())
def test_a_whole_answer_shows_what_its_stream_shows(
    answer: tuple[bytes, dict[str, Any]],
    label: dict[str, Any],
    ascii_only: bool,
) -> None:
    data, spelt = answer
    streamed = run(data, **label)
    message: dict[str, Any] = {"role": "assistant", **spelt}
    arguments = message.pop("arguments")
    if arguments:
        message["tool_calls"] = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    body = {"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {"n": 1}}
    raw = json.dumps(body, ensure_ascii=ascii_only).encode()
    whole = chat_whole(context(**label), request(), raw)
    assert {text.channel[2:]: text.text for text in whole.shown if text.text} == {
        channel[2:]: text for channel, text in streamed.shown.items() if text
    }
    said = json.loads(whole.data)["choices"][0]
    assert (said["message"]["content"] or "") == streamed.text()
    assert said["finish_reason"] == streamed.finishes()[0]
    assert (said["finish_reason"] == "content_filter") == whole.stopped == streamed.stream.stopped
    assert list(whole.replies) == streamed.stream.replies()
    assert list(whole.found) == streamed.stream.found
    assert whole.stopped or whole.said == streamed.stream.said()
    assert not [trace for trace in TRACES if trace in whole.data]
    for call in said["message"].get("tool_calls") or ():
        assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert shown(streamed).get("content", "").count(NOTICE) == whole.stopped
