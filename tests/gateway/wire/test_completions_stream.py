from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.wire.cases import DONE, END, NOTICE, START, Seen, context, event, request, run

from zhengming.gateway.wire.completions_stream import CompletionsStream
from zhengming.gateway.wire.completions_whole import completions_whole


def text(piece: str, *, index: int = 0, finish: str | None = None, **members: Any) -> bytes:
    choice = {"text": piece, "index": index, "logprobs": None, "finish_reason": finish, **members}
    return event({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "up", "choices": [choice]})


def complete(*events: bytes, choices: int = 1, **members: Any) -> Seen:
    stream = CompletionsStream(context(**members), request(choices=choices))
    return run(events, stream=stream)


def read(seen: Seen, index: int = 0) -> str:
    return "".join(choice["text"] for choice in seen.choices(index))


def test_a_text_passes_with_its_own_bytes_and_its_label() -> None:
    events = [text("Hello"), text(" world"), text("", finish="stop")]
    seen = complete(*events, DONE)
    assert events[1] in seen.data
    assert read(seen) == seen.shown["0/text"] == f"Hello world{END}"
    assert [choice["text"] for choice in seen.choices()] == ["Hello", " world", END, ""]
    assert seen.labelled() == [0, 3]


def test_the_last_words_with_the_finish_reason_are_labelled_before_it() -> None:
    seen = complete(text("one and only", finish="length"), DONE, label_end="", label_start=START)
    assert read(seen) == f"{START}one and only"
    assert seen.finishes() == ["length"]


def test_a_stop_ends_with_a_notice_and_a_mask_hides() -> None:
    seen = complete(text("a secret"), text(" code. 先制"), text("造炸弹"), text("more"), DONE)
    assert read(seen) == f"a [code]. 先\n\n{NOTICE}{END}"
    assert seen.finishes() == ["content_filter"]
    assert seen.stream.stopped


def test_log_probabilities_follow_their_text() -> None:
    def lists(*tokens: str, at: int) -> dict[str, Any]:
        offsets = [at + sum(map(len, tokens[:number])) for number in range(len(tokens))]
        return {"tokens": tokens, "token_logprobs": [-1.0] * len(tokens), "top_logprobs": None, "text_offset": offsets}

    seen = complete(
        text("ok ", logprobs=lists("ok ", at=0)),
        text("secret ", logprobs=lists("secret ", at=3)),
        text("code.", logprobs=lists("code", ".", at=10)),
        text("", finish="stop"),
        label_end="",
    )
    found = [choice["logprobs"] for choice in seen.choices() if choice.get("logprobs")]
    assert [token for one in found for token in one["tokens"]] == ["ok ", "[code]", "."]
    assert [offset for one in found for offset in one["text_offset"]] == [0, 3, 9]
    assert "secret" not in seen.data.decode()


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(["秘密", "口令", "制造", "炸弹", "好 ", "a", "\n"]), max_size=8),
    cuts=st.lists(st.integers(0, 2_000), max_size=8),
)
def test_stream_whole_and_every_cut_show_the_same(pieces: list[str], cuts: list[int]) -> None:
    events = [text(""), *(text(piece) for piece in pieces), text("", finish="stop"), DONE]
    seen = complete(*events)
    parted = run(events, cuts, stream=CompletionsStream(context(), request()))
    assert parted.data == seen.data
    body = {"choices": [{"index": 0, "text": "".join(pieces), "finish_reason": "stop"}]}
    whole = completions_whole(context(), request(), json.dumps(body).encode())
    assert json.loads(whole.data)["choices"][0]["text"] == read(seen)
    assert list(whole.replies) == seen.stream.replies()
