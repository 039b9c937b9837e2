"""What the tests of answers share: real rules, chunks as upstreams write them, what a client reads of the result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from zhengming.core.words import Audience, Category, Surface, Verdict
from zhengming.gateway.wire.base import Out, OutputContext, OutputStream, TurnRequest
from zhengming.gateway.wire.chat_stream import ChatStream
from zhengming.label.text import wording
from zhengming.screen.guard import Screening
from zhengming.screen.matcher import compile_matcher
from zhengming.screen.policy import Policy, Row, compile_profile
from zhengming.screen.rule import Rule, RuleSet

AIGC = b'{"Label":"1","ContentProducer":"C","ProduceID":"p-1"}'
LABEL = wording()
START, END = f"{LABEL}\n\n", f"\n\n{LABEL}"
NOTICE = "[stopped]"

RULES = (
    Rule("stop", "1", Category.FRAUD, 4, ("制造炸弹", "forbidden phrase")),
    Rule("hide", "1", Category.PRIVACY, 2, ("秘密口令", "secret code"), mask="code"),
    Rule("phone", "1", Category.PRIVACY, 2, expression=r"1[3-9][0-9]{9}", boundary=True, mask="phone"),
)
BLOCKED = ("制造炸弹", "forbidden phrase", "秘密口令", "secret code", "13812345678")


def screening_of(rules: Sequence[Rule] = RULES, version: str = "") -> Screening:
    ruleset = RuleSet(tuple(rules), version)
    policy = Policy(
        "test",
        (
            Row(None, None, None, 1, Verdict.ANNOTATE),
            Row(None, Surface.OUTPUT, None, 2, Verdict.REDACT),
            Row(None, Surface.OUTPUT, None, 4, Verdict.STOP),
        ),
    )
    profile = compile_profile(policy, ruleset, Surface.OUTPUT, Audience.ADULT)
    return Screening(compile_matcher(ruleset), profile, (), lambda rule: f"[{rule.mask}]")


SCREENING = screening_of()


def context(**members: Any) -> OutputContext:
    members = {"screening": SCREENING, "label_end": END, "notice": lambda _: NOTICE, **members}
    return OutputContext(aigc=AIGC, produce_id="p-1", **members)


def request(**members: Any) -> TurnRequest:
    members = {"choices": 1, "stream": True, **members}
    return TurnRequest(api="chat", raw=b"{}", model="m", pieces=(), messages=(), roles=(), **members)


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def chunk(delta: Any = None, *, index: int = 0, finish: str | None = None, **members: Any) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "delta": delta or {}, "finish_reason": finish}
    choice.update(members.pop("choice", {}))
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "up",
        "choices": [choice],
        **members,
    }


def says(text: str, *, index: int = 0, **members: Any) -> bytes:
    return event(chunk({"content": text}, index=index, **members))


FIRST = event(chunk({"role": "assistant", "content": ""}))
LAST = event(chunk(finish="stop"))
DONE = b"data: [DONE]\n\n"


def said(*texts: str) -> list[bytes]:
    """The events of a plain answer in these pieces."""
    return [FIRST, *(says(text) for text in texts), LAST, DONE]


class Seen(NamedTuple):
    """What came out: the bytes, the parsed events, the texts noted as shown, the stream itself."""

    data: bytes
    events: list[Any]
    shown: dict[str, str]
    stream: OutputStream

    def text(self, path: str = "content", index: int = 0) -> str:
        """Join a member of the deltas of one choice."""
        found = ""
        for choice in self.choices(index):
            value: Any = choice.get("delta", choice)
            for step in path.split("."):
                value = value.get(step) if isinstance(value, dict) else None
            found += value or ""
        return found

    def choices(self, index: int = 0) -> list[dict[str, Any]]:
        """All choices of that index in order."""
        return [
            choice
            for one in self.events
            if isinstance(one, dict)
            for choice in one.get("choices", ())
            if choice["index"] == index
        ]

    def arguments(self, number: int = 0) -> str:
        """Join the arguments of a tool call."""
        return "".join(
            call.get("function", {}).get("arguments") or ""
            for choice in self.choices()
            for call in choice["delta"].get("tool_calls") or ()
            if call["index"] == number
        )

    def finishes(self, index: int = 0) -> list[str]:
        """The finish reasons of a choice."""
        return [choice["finish_reason"] for choice in self.choices(index) if choice.get("finish_reason")]

    def labelled(self) -> list[int]:
        """The numbers of the events that carry the label's fields."""
        return [number for number, one in enumerate(self.events) if isinstance(one, dict) and "aigc" in one]


def events_of(data: bytes) -> list[Any]:
    """What a client reads of the bytes."""
    assert data == b"" or data.endswith((b"\n\n", b"\r\n\r\n"))
    return [
        "[DONE]" if line[5:].strip() == b"[DONE]" else json.loads(line[5:])
        for line in data.splitlines()
        if line.startswith(b"data:")
    ]


def run(
    data: bytes | Iterable[bytes],
    cuts: Iterable[int] = (),
    *,
    stream: OutputStream | None = None,
    before_finish: Callable[[OutputStream], Out] | None = None,
    **members: Any,
) -> Seen:
    """Feed a stream, cut at these places, and finish it; one that is broken ends in its error."""
    data = data if isinstance(data, bytes) else b"".join(data)
    if stream is None:
        asked = request(**{key: members.pop(key) for key in ("choices", "structured", "beside") if key in members})
        stream = ChatStream(context(**members), asked)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    outs = [stream.feed(data[start:end]) for start, end in pairwise(edges)]
    if before_finish is not None:
        outs.append(before_finish(stream))
    outs.append(stream.finish())
    if stream.broken is not None:
        outs.append(stream.fail(stream.broken.message, stream.broken.code))
    shown: dict[str, str] = {}
    for channel, text in (one for out in outs for one in out.shown):
        shown[channel] = shown.get(channel, "") + text
    joined = b"".join(out.data for out in outs)
    return Seen(joined, events_of(joined), shown, stream)
