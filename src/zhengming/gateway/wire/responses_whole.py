"""The whole answer of `POST /v1/responses`: the same guards as in its stream, fed once, so that both show the same."""

from __future__ import annotations

from typing import Any, Final

from zhengming.gateway.wire.base import Found, OutputContext, Shown, TurnRequest, WholeOutput
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.judge_json import parse_listing
from zhengming.gateway.wire.responses_items import Output
from zhengming.gateway.wire.splice import Splice, dump

_FILTERED: Final = dump({"reason": "content_filter"})


def responses_whole(context: OutputContext, request: TurnRequest, raw: bytes) -> WholeOutput:
    """Return a `response` as the client may see it; all bytes that are no judged text stay as the upstream sent them.

    Raises UpstreamGarbageError when the body is no JSON object with a list of items; nothing of it may be shown then.
    """
    parsed = parse_listing(raw, "output")
    found: list[Found] = []
    output = Output(context, request, found)
    output.holds_nothing = context.holds_nothing
    edit = Edit(raw, parsed)
    shown = _judge(output, parsed["output"], edit)
    data = raw
    if output.stop is not None:
        data = _stopped(edit, output, context, shown)
        edit = Edit(data, parsed)
    edit.member("aigc", context.aigc)
    for key, value in context.extra.items():
        edit.member(key, value)
    if isinstance(parsed.get("output_text"), str):
        edit.text(("output_text",), parsed["output_text"], output.all_text())
    if context.model_alias and isinstance(parsed.get("model"), str):
        edit.text(("model",), parsed["model"], context.model_alias)
    usage = parsed.get("usage")
    return WholeOutput(
        data=edit.render(),
        shown=tuple(shown),
        found=tuple(found),
        stopped=output.stop is not None,
        usage=usage if isinstance(usage, dict) else None,
        response_id=parsed["id"] if isinstance(parsed.get("id"), str) else "",
        replies=(canonical_message("assistant", output.reply(), context.drop_labels),),
        said=output.said(),
    )


def _judge(output: Output, bodies: list[Any], edit: Edit) -> list[Shown]:
    """Judge the items up to a stop; return what they show."""
    shown: list[Shown] = []
    for position, body in enumerate(bodies):
        item = output.add(position, body)
        for text, out in output.judge(item, body, (), edit, ("output", position), final=True):
            text.told = output.stop is None
            if out:
                shown.append(Shown(text.channel, out))
            shown += output.shown
            output.shown.clear()
        shown += output.shown
        output.shown.clear()
        if output.stop is not None:
            break
    return shown


def _stopped(edit: Edit, output: Output, context: OutputContext, shown: list[Shown]) -> bytes:
    """Return the body with the items up to the stop and the notice; the items before the last keep their bytes."""
    items = output.ordered()
    data = edit.render()
    splice = Splice(data)
    bodies = [splice.raw(("output", item.index)) for item in items[:-1]]
    last = items[-1]
    item = last if last.kind == "message" else output.new_message(context.produce_id)
    text = output.notice_text(item)
    if output.stop is not None:
        shown.append(Shown(text.channel, output.say(text, context.notice(output.stop))))
    bodies += [dump(one.shown("incomplete")) for one in output.ordered()[last.index :]]
    splice.replace(("output",), b"[" + b",".join(bodies) + b"]")
    splice.insert((), "status", dump("incomplete"))
    splice.insert((), "incomplete_details", _FILTERED)
    return splice.render()
