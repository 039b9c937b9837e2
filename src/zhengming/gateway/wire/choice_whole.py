"""Whole answers with `choices`: the same guards as in a stream, fed once and finished, so that both show the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zhengming.gateway.wire.answer import Answer, Shape
from zhengming.gateway.wire.base import Found, OutputContext, Path, Shown, TurnRequest, WholeOutput
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.choice_stream import FILTERED
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.judge_json import parse_listing
from zhengming.gateway.wire.judged import Judged
from zhengming.gateway.wire.splice import dump


def guard_whole(
    context: OutputContext, request: TurnRequest, raw: bytes, shape: Shape, *, part: str, main_path: Path
) -> WholeOutput:
    """Return the body for the client: texts guarded and labelled, all other bytes as the upstream sent them.

    Raises UpstreamGarbageError when the body is no JSON object with choices; nothing of it may be shown then.
    """
    parsed = parse_listing(raw, "choices")
    edit = Edit(raw, parsed)
    found: list[Found] = []
    shown: list[Shown] = []
    answers: list[Answer] = []
    for position, choice in enumerate(parsed["choices"]):
        index = choice.get("index", position)
        if not isinstance(index, int) or any(answer.index == index for answer in answers):
            index = max((answer.index for answer in answers), default=-1) + 1  # each choice has channels of its own
        answer = Answer(index, shape, context, request, screening=context.screening, found=found)
        answers.append(answer)
        if context.holds_nothing is not None and _holds_nothing(answer, choice, part, shape, context.holds_nothing):
            answer.clear()
        judged = Judged(answer, shape, choice, part)
        shown += _write(edit, ("choices", position), answer, judged, (part, main_path))
    edit.member("aigc", context.aigc)
    for key, value in context.extra.items():
        edit.member(key, value)
    if context.model_alias and isinstance(parsed.get("model"), str):
        edit.text(("model",), parsed["model"], context.model_alias)
    usage = parsed.get("usage")
    return WholeOutput(
        data=edit.render(),
        shown=tuple(shown),
        found=tuple(found),
        stopped=any(answer.stopped for answer in answers),
        usage=usage if isinstance(usage, dict) else None,
        response_id=parsed["id"] if isinstance(parsed.get("id"), str) else "",
        replies=tuple(
            canonical_message("assistant", shape.reply(answer), context.drop_labels)
            for answer in sorted(answers, key=lambda answer: answer.index)
        ),
        said={channel: text for answer in answers for channel, text in answer.said().items()},
    )


def _holds_nothing(
    answer: Answer, choice: dict[str, Any], part: str, shape: Shape, holds_nothing: Callable[[str], bool]
) -> bool:
    """Whether the choice has at most one plain text a field, and no rule has anything to say of any of them."""
    texts = list(shape.texts(choice, part, answer))
    if len({found.name for found in texts}) != len(texts) or any(found.json for found in texts):
        return False
    return all(holds_nothing(found.text) for found in texts)


def _write(edit: Edit, prefix: Path, answer: Answer, judged: Judged, places: tuple[str, Path]) -> list[Shown]:
    """Finish a choice and write what is shown; `places` are the member that holds texts and the way to the main one."""
    added = [tail for tail in answer.finish() if not judged.append(tail.field, tail.text)]
    judged.write(edit, prefix)
    shown = judged.shown()
    part, main_path = places
    for field, text in added:
        # A notice where the upstream said nothing: beside tool calls, or as a refusal.
        path = main_path if field is answer.main else (part, *field.wrap)
        edit.value((*prefix, *path), dump(text))
        shown.append(Shown(field.channel, text))
    if answer.stopped:
        edit.value((*prefix, "finish_reason"), dump(FILTERED))
    return shown
