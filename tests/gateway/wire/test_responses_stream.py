from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.gateway.wire.cases import AIGC, END, LABEL, NOTICE, RULES, SCREENING, START, context, screening_of
from tests.gateway.wire.responses_cases import (
    USAGE,
    Seen,
    asked,
    call,
    characters,
    encoded,
    event,
    events_for,
    events_of,
    message,
    played,
    reasoning,
    response,
    run,
    text_part,
)

from zhengming.gateway.wire.base import OutputStream
from zhengming.gateway.wire.canonical import canonical_message
from zhengming.gateway.wire.responses_stream import ResponsesStream

AIGC_OBJECT = json.loads(AIGC)


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


def test_a_harmless_answer_leaves_with_the_bytes_that_came() -> None:
    sent = encoded(events_for([message("你好，世界")]))
    seen = run(sent, label_end="").check()
    opening = sent[0].replace(b'"usage":null}', b'"usage":null,"aigc":' + AIGC + b"}")
    opening = opening.replace(b"}\n\n", b',"aigc":' + AIGC + b"}\n\n")

    assert seen.data.startswith(opening + b"".join(sent[1:-1]))
    assert seen.shown == {"0/content/0/text": "你好，世界"}
    assert (seen.stream.finished, seen.stream.stopped, seen.stream.found) == (True, False, [])
    assert (seen.stream.usage, seen.stream.response_id, seen.stream.held) == (USAGE, "resp_1", 0)


def test_the_label_stands_in_the_deltas_and_in_all_that_repeats_them() -> None:
    seen = played([message("你好")])

    assert seen.deltas() == seen.shown["0/content/0/text"] == f"你好{END}"
    assert seen.last["output"][0]["content"][0]["text"] == f"你好{END}"
    assert [number for number, one in enumerate(seen.events) if "aigc" in one] == [0, len(seen.events) - 1]
    assert seen.events[0]["response"]["aigc"] == seen.last["aigc"] == AIGC_OBJECT


def test_further_members_and_the_alias_stand_where_the_upstream_names_itself() -> None:
    seen = played([message("hi")], model_alias="ours", extra={"zhengming": b'{"turn":"p-1"}'})

    assert {one["response"]["model"] for one in seen.events if "response" in one} == {"ours"}
    assert seen.events[0]["zhengming"] == seen.events[-1]["zhengming"] == {"turn": "p-1"}


def test_a_start_label_stands_before_the_first_visible_character() -> None:
    seen = played([message("\n 你好", "再见")], label_end="", label_start=START)

    assert [seen.deltas(part=number) for number in (0, 1)] == [f"{START}\n 你好", "再见"]
    assert played([message(" ", "你好")], label_end="", label_start=START).deltas(part=1) == f"{START}你好"


def test_the_end_label_stands_at_the_end_of_the_last_text_part() -> None:
    refusal = {"type": "refusal", "refusal": "no"}
    two = played([message("one", "two")])
    then = played([message("one", refusal)])

    assert [two.deltas(part=number) for number in (0, 1)] == ["one", f"two{END}"]
    assert (then.deltas(), then.deltas("refusal", part=1)) == (f"one{END}", "no")
    assert played([message("a"), message("b", number=2)]).deltas(index=1) == f"b{END}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [('{"a":1}', '{"a":1}'), ("```py\nx", "```py\nx"), ("```\nx\n```\n", f"```\nx\n```\n{END}"), ("", "")],
)
def test_a_label_stays_out_of_json_and_open_code(text: str, shown: str) -> None:
    assert played([message(text)]).deltas() == shown


@pytest.mark.parametrize("cut", [characters, halves, lambda text: [text]])
def test_a_stop_keeps_what_came_before_and_ends_the_response(cut: Any) -> None:
    seen = played([message("好的，先制造炸弹，然后"), message("later", number=2)], cut)
    item = seen.last["output"][0]

    assert seen.deltas() == seen.shown["0/content/0/text"] == f"好的，先\n\n{NOTICE}{END}"
    assert seen.kinds()[-4:] == ["output_text.done", "content_part.done", "output_item.done", "incomplete"]
    assert (item["status"], item["content"][0]["text"]) == ("incomplete", seen.deltas())
    assert seen.last["status"] == "incomplete"
    assert seen.last["incomplete_details"] == {"reason": "content_filter"}
    assert "炸弹" not in seen.data.decode()
    assert (seen.stream.stopped, seen.stream.finished) == (True, True)
    assert seen.stream.feed(event({"type": "response.x"})).data == b""
    assert seen.stream.finish().data == b""


def test_masked_text_leaves_as_its_mask_and_held_deltas_are_not_sent() -> None:
    seen = played([message("口令：秘密口令。")])

    assert seen.deltas() == f"口令：[code]。{END}"
    assert len(seen.of("output_text.delta")) == 6
    assert "秘密" not in seen.data.decode()


def test_numbers_stay_those_of_the_upstream_while_they_rise() -> None:
    sent = encoded(events_for([message("秘密口")]))
    seen = run(sent).check()

    assert seen.of("output_text.delta")[0]["sequence_number"] == 4, "held deltas left a gap, which the tail fills"
    assert seen.of("output_text.done")[0]["sequence_number"] == 7
    unnumbered = run([event(one) for one in events_for([message("ab")])])
    assert not [one for one in unnumbered.events if "sequence_number" in one]
    assert unnumbered.deltas() == f"ab{END}"


@pytest.mark.parametrize("structured", [True, False])
def test_json_is_guarded_as_json(structured: bool) -> None:
    text = '{"tel": "13812345678", "how": "ok"}'
    seen = played([message(text)], structured=structured)

    assert json.loads(seen.deltas()) == {"tel": "[phone]", "how": "ok"}


def test_a_stop_in_structured_output_closes_it_and_says_why_in_a_refusal() -> None:
    seen = played([message('{"how": "先制造炸弹", "b": 1}')], structured=True)

    assert json.loads(seen.deltas()) == {"how": "先"}
    assert seen.deltas("refusal", part=1) == NOTICE
    assert seen.last["output"][0]["content"][1] == {"type": "refusal", "refusal": NOTICE}


def test_reasoning_and_refusal_are_guarded_and_never_labelled() -> None:
    items = [
        reasoning("call 13812345678 now", content=["no secret code"]),
        message({"type": "refusal", "refusal": "秘密口令"}),
    ]
    seen = played(items)

    assert seen.deltas("reasoning_summary_text") == "call [phone] now"
    assert seen.deltas("reasoning_text") == "no [code]"
    assert seen.deltas("refusal", 1) == "[code]"
    assert seen.last["output"][0]["summary"][0]["text"] == "call [phone] now"
    assert seen.of("reasoning_summary_part.done")[0]["part"]["text"] == "call [phone] now"
    assert seen.of("reasoning_summary_text.done")[0]["text"] == "call [phone] now"
    assert LABEL not in seen.data.decode()


def test_a_stop_in_the_reasoning_is_told_in_a_message_of_our_own() -> None:
    seen = played([reasoning("hm 制造炸弹"), message("yes")])
    items = seen.last["output"]

    assert seen.deltas("reasoning_summary_text") == "hm "
    assert [item["type"] for item in items] == ["reasoning", "message"]
    assert items[0]["summary"] == [{"type": "summary_text", "text": "hm "}]
    assert seen.deltas(index=1) == items[1]["content"][0]["text"] == NOTICE
    assert seen.of("output_item.added")[1]["item"] == {**items[1], "status": "in_progress", "content": []}


CALLS = [
    (call('{"to": "13812345678", "n": 1}'), "function_call_arguments", '{"to": "[phone]", "n": 1}'),
    ({**call('{"q": "\\u79d8\\u5bc6口令"}'), "type": "mcp_call"}, "mcp_call_arguments", '{"q": "[code]"}'),
    (
        {"id": "c", "type": "custom_tool_call", "call_id": "1", "name": "n", "input": "say secret code"},
        "custom_tool_call_input",
        "say [code]",
    ),
    (
        {"id": "c", "type": "code_interpreter_call", "code": "x = '秘密口令'", "outputs": [], "status": "completed"},
        "code_interpreter_call_code",
        "x = '[code]'",
    ),
]


@pytest.mark.parametrize(("item", "kind", "shown"), CALLS)
def test_calls_of_tools_are_guarded_in_deltas_done_item_and_response(item: Any, kind: str, shown: str) -> None:
    seen = played([item])
    key = kind.rpartition("_")[2]

    assert seen.deltas(kind) == seen.of(f"{kind}.done")[0][key] == seen.last["output"][0][key] == shown
    assert seen.of("output_item.done")[0]["item"] == seen.last["output"][0]
    assert LABEL not in seen.data.decode()


def test_a_stop_in_arguments_closes_them() -> None:
    seen = played([call('{"a": [{"b": "先制造炸弹"}]}')])
    item = seen.last["output"][0]

    assert json.loads(seen.deltas("function_call_arguments")) == {"a": [{"b": "先"}]}
    assert item["arguments"] == seen.of("function_call_arguments.done")[0]["arguments"]
    assert (item["status"], item["call_id"], item["name"]) == ("incomplete", "call_1", "dial")
    assert seen.deltas(index=1) == NOTICE


def test_texts_of_hosted_tools_are_guarded_where_they_stand() -> None:
    items: list[Any] = [
        {
            "id": "w",
            "type": "web_search_call",
            "status": "completed",
            "action": {"type": "search", "query": "秘密口令"},
        },
        {"id": "f", "type": "file_search_call", "queries": ["secret code"], "results": [{"text": "1 13812345678"}]},
        {"id": "s", "type": "shell_call", "action": {"commands": ["echo 秘密口令"]}, "call_id": "1"},
        {"id": "o", "type": "shell_call_output", "output": [{"stdout": "13812345678", "stderr": ""}], "call_id": "1"},
        {"id": "t", "type": "tool_search_call", "arguments": {"deep": ["secret code"]}},
        {"id": "p", "type": "program_output", "result": "secret code"},
        {"id": "n", "type": "of the future", "text": "secret code", "picture": "AAAA", "n": 1.0},
    ]
    seen = played(items)
    shown = seen.last["output"]

    assert shown[0]["action"]["query"] == "[code]"
    assert (shown[1]["queries"], shown[1]["results"]) == (["[code]"], [{"text": "1 [phone]"}])
    assert shown[2]["action"]["commands"] == ["echo [code]"]
    assert shown[3]["output"][0] == {"stdout": "[phone]", "stderr": ""}
    assert shown[4]["arguments"] == {"deep": ["[code]"]}
    assert shown[5]["result"] == "[code]"
    assert shown[6] == {**items[6], "text": "[code]"}


def test_other_streams_of_text_are_guarded_too() -> None:
    shell: dict[str, Any] = {"output_index": 0, "command_index": 0}
    printed = {"type": "response.shell_call_output_content.delta", "output_index": 1, "command_index": 0}
    events = [
        *list(events_for([]))[:2],
        {"type": "response.audio.transcript.delta", "delta": "secret "},
        {"type": "response.audio.transcript.delta", "delta": "code."},
        {"type": "response.audio.delta", "delta": "13812345678=="},
        {"type": "response.shell_call_command.added", **shell, "command": "echo 秘密"},
        {"type": "response.shell_call_command.delta", **shell, "delta": "口令 ok"},
        {"type": "response.shell_call_command.done", **shell, "command": "echo 秘密口令 ok"},
        {**printed, "delta": {"stdout": "秘密"}},
        {**printed, "delta": {"stdout": "口令"}},
        {"type": "response.shell_call_output_content.done", "output_index": 1, "output": [{"stdout": "秘密口令"}]},
        {"type": "response.of_the_future.delta", "output_index": 2, "delta": "秘密口"},
        {"type": "response.of_the_future.done", "output_index": 2, "text": "x secret code"},
        {"type": "response.completed", "response": response("completed")},
    ]
    seen = run(encoded(events))
    text = seen.data.decode()

    assert "secret" not in text
    assert "秘密口令" not in text
    assert [one["delta"] for one in seen.of("audio.transcript.delta")] == ["[code]."]
    assert seen.of("shell_call_command.done")[0]["command"] == "echo [code] ok"
    assert seen.of("shell_call_output_content.delta")[-1]["delta"] == {"stdout": "[code]"}
    assert seen.of("of_the_future.delta")[0]["delta"] == "秘密口", "what was held is released at the end"
    assert b"13812345678==" in seen.data, "sound is no text"


URL = {"type": "url_citation", "url": "https://e.x/", "title": "Tea"}


def cited(start: int, end: int, **members: Any) -> dict[str, Any]:
    return {**URL, "start_index": start, "end_index": end, **members}


def test_annotations_move_with_masks_and_the_label() -> None:
    text = "秘密口令 says tea is 13812345678 hot"
    marks = [cited(5, 9), cited(0, 4), cited(17, 28), cited(18, 20), {"type": "file_path", "file_id": "f", "index": 29}]
    seen = played([message(text_part(text, annotations=marks))], label_end="", label_start=START)
    shown = seen.deltas()
    expected = [cited(shown.index("says"), shown.index("says") + 4)]
    expected.append(cited(shown.index("[code]"), shown.index("[code]") + 6))
    expected.append(cited(shown.index("[phone]"), shown.index("[phone]") + 7))
    expected += [expected[-1], {"type": "file_path", "file_id": "f", "index": shown.index("hot")}]

    assert [one["annotation"] for one in seen.of("output_text.annotation.added")] == expected
    assert seen.last["output"][0]["content"][0]["annotations"] == expected
    assert seen.of("content_part.done")[0]["part"]["annotations"] == expected


def test_an_annotation_waits_until_its_text_is_decided() -> None:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    added = {"type": "response.output_text.annotation.added", **place, "annotation_index": 0}
    sent = encoded(events_for([message("tea 秘密口令。")]))
    late = [*sent[:9], event({**added, "annotation": cited(4, 8), "sequence_number": 9}), *sent[9:]]
    seen = run(late)

    assert seen.of("output_text.annotation.added")[0]["annotation"] == cited(4, 10)
    assert seen.of("output_text.annotation.added")[0]["sequence_number"] > 9
    stopped = played([message(text_part("tea 制造炸弹", annotations=[cited(0, 3), cited(4, 8)]))], lambda text: [text])
    assert not stopped.of("output_text.annotation.added"), "they come after the stop"


def test_titles_and_links_of_annotations_are_guarded() -> None:
    marks = [cited(0, 1, title="secret code", url="https://e.x/13812345678")]
    seen = played([message(text_part("tea", annotations=marks))])
    stopped = played([message(text_part("tea", annotations=[cited(0, 1, title="forbidden phrase")]))])

    assert "secret" not in seen.data.decode()
    assert seen.last["output"][0]["content"][0]["annotations"][0]["url"] == "https://e.x/[phone]"
    assert "forbidden" not in stopped.data.decode()
    assert stopped.last["incomplete_details"] == {"reason": "content_filter"}


ENTRY: dict[str, Any] = {"logprob": -0.5, "top_logprobs": []}


def tokens(*texts: str) -> list[dict[str, Any]]:
    return [{"token": text, **ENTRY} for text in texts]


def by_tokens(*texts: str) -> Any:
    return lambda _: texts


def spelled(entries: list[Any]) -> list[str]:
    return [one["token"] for one in entries]


def test_log_probabilities_wait_and_vanish_with_their_text_wherever_they_stand() -> None:
    pieces = ("ok ", "secret ", "code", " end")
    part = text_part("".join(pieces), logprobs=tokens(*pieces))
    seen = played([message(part)], by_tokens(*pieces))
    sent = [entry for one in seen.of("output_text.delta") for entry in one["logprobs"]]

    assert spelled(sent) == ["ok ", "[code]", " end"]
    assert "secret" not in seen.data.decode()
    for entries in (
        seen.of("output_text.done")[0],
        seen.of("content_part.done")[0]["part"],
        seen.last["output"][0]["content"][0],
    ):
        assert entries["logprobs"] == sent


def test_log_probabilities_of_a_stopped_text_are_dropped() -> None:
    pieces = ("ok ", "制造", "炸弹")
    part = text_part("".join(pieces), logprobs=tokens(*pieces))
    seen = played([message(part)], by_tokens(*pieces))

    assert "制造" not in seen.data.decode()
    assert spelled(seen.last["output"][0]["content"][0]["logprobs"]) == ["ok "]


def test_unknown_events_members_and_spellings_pass_byte_for_byte() -> None:
    sent = encoded(events_for([message("ab")]))
    odd = [
        b": ping\n\n",
        b'event: response.queue_moved\ndata: {"type":"response.moved", "place" : 1.0,"big":12345678901234567890}\n\n',
        b'data: {"type":"keepalive","x":-0}\n\n',
    ]
    delta = sent[4].replace(b'"delta":"a"', b'"delta" : "\\u0061","obfuscation":"zzz","n":1.0')
    edited = sent[4].replace(b'"delta":"a"', b'"delta":" 13812345678 ","huge":123456789012345678901234567890,"n":-0')
    seen = run([*sent[:4], *odd, delta, edited, *sent[5:]])

    assert b"".join([*odd, delta]) in seen.data
    assert b'"delta":" [phone] ","huge":123456789012345678901234567890,"n":-0' in seen.data


def test_upstreams_that_name_no_event_are_understood() -> None:
    sent = [one.partition(b"\n")[2] for one in encoded(events_for([message("秘密口令。")]))]
    seen = run(sent)

    assert seen.deltas() == f"[code]。{END}"
    windows = run([one.replace(b"\n", b"\r\n") for one in encoded(events_for([message("秘密口令。")]))])
    assert windows.deltas() == f"[code]。{END}"


def test_a_response_without_deltas_is_judged_where_it_stands() -> None:
    created = {"type": "response.created", "response": response()}
    item = message(text_part("tea 秘密口令", annotations=[cited(0, 3)]))
    done = {"type": "response.completed", "response": response("completed", [item])}
    seen = run(encoded([created, done]))
    stopped = run(encoded([created, {**done, "response": response("completed", [message("x 制造炸弹"), call("{}")])}]))

    assert seen.last["output"][0]["content"][0]["text"] == seen.shown["0/content/0/text"] == f"tea [code]{END}"
    assert stopped.last["output"][0]["content"][0]["text"] == f"x \n\n{NOTICE}{END}"
    assert len(stopped.last["output"]) == 1
    assert "炸弹" not in stopped.data.decode()


def test_an_item_that_was_not_streamed_is_judged_when_it_is_done() -> None:
    item = message("口令 秘密口令")
    events = [*list(events_for([]))[:2], {"type": "response.output_item.done", "output_index": 0, "item": item}]
    seen = run(encoded([*events, {"type": "response.completed", "response": response("completed", [item])}]))

    assert seen.of("output_item.done")[0]["item"] == seen.last["output"][0]
    assert seen.last["output"][0]["content"][0]["text"] == f"口令 [code]{END}"


def test_what_repeats_a_text_otherwise_says_what_was_shown() -> None:
    events = list(events_for([message("hello")]))
    other = message("秘密口令 hello and more")
    events[-2] = {**events[-2], "item": other}
    events[-1] = {**events[-1], "response": response("completed", [other])}
    seen = run(encoded(events))

    assert seen.of("output_item.done")[0]["item"]["content"][0]["text"] == f"hello{END}"
    assert seen.last["output"][0]["content"][0]["text"] == f"hello{END}"
    assert "秘密" not in seen.data.decode()


def test_a_text_that_stands_beside_the_output_is_repeated_too() -> None:
    events = list(events_for([message("a 秘密口令"), message("b", number=2)], output_text="a 秘密口令b"))
    assert run(encoded(events)).last["output_text"] == f"a [code]{END}b{END}"


def test_an_upstream_that_stops_talking_ends_in_an_incomplete_response() -> None:
    sent = encoded(events_for([message("he said 秘密口")]))
    for ending in ([], [b"data: [DONE]\n\n"]):
        seen = run([*sent[:-4], *ending]).check()
        assert seen.deltas() == f"he said 秘密口{END}"
        assert (seen.last["status"], seen.last["incomplete_details"]) == ("incomplete", None)
        assert (seen.stream.finished, seen.stream.stopped) == (True, False)
    assert run(sent[:-4], label_end="")[1][-1]["type"] == "response.incomplete"
    assert run([]).events[-1]["code"] == "upstream_garbage"


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: {oops\n\n",
        b"data: [1]\n\n",
        b"<html>bad gateway</html>\n\n",
        event({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": 13812345678}),
        event({"type": "response.output_text.delta", "output_index": -1, "content_index": 0, "delta": "x"}),
        event({"type": "response.output_text.delta", "output_index": 0, "content_index": 10**9, "delta": "x"}),
        event({"type": "response.output_text.delta", "output_index": 0, "delta": "x", "logprobs": [{"token": 5}]}),
        event({"type": "response.output_item.done", "output_index": 0, "item": "x"}),
        event({"type": "response.output_item.done", "output_index": 0, "item": {"content": [{"text": 13812345678}]}}),
        event({"type": "response.content_part.added", "output_index": 0, "part": 1}),
        event({"type": "response.completed", "response": None}),
        event({"type": "response.completed", "response": {"output": ["x"]}}),
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
)
def test_garbage_ends_the_stream_with_an_error_and_is_not_shown(garbage: bytes) -> None:
    sent = encoded(events_for([message("he said 秘密")]))
    seen = run([*sent[:-4], garbage, *sent[-4:]])

    assert {key: seen.events[-1][key] for key in ("type", "code", "param")} == {
        "type": "error",
        "code": "upstream_garbage",
        "param": None,
    }
    assert seen.deltas() == f"he said 秘密{END}"
    assert (seen.stream.stopped, seen.stream.finished) == (False, True)
    assert garbage.strip() not in seen.data


def test_errors_of_the_upstream_pass_after_what_was_held() -> None:
    sent = encoded(events_for([message("he said 秘密")]))
    error = event(
        {"type": "error", "code": "server_error", "message": "overloaded", "param": None, "sequence_number": 99}
    )
    seen = run([*sent[:-4], error])
    failed = response("failed", [message("he said 秘密", status="incomplete")], error={"code": "x", "message": "m"})
    ended = run([*sent[:-4], event({"type": "response.failed", "response": failed, "sequence_number": 99})])

    assert seen.data.endswith(error)
    assert seen.deltas() == ended.deltas() == f"he said 秘密{END}"
    assert ended.last["error"] == {"code": "x", "message": "m"}
    assert ended.last["output"][0]["content"][0]["text"] == f"he said 秘密{END}"
    first = event({"error": {"message": "m"}, "type": "error"})
    assert run([first]).data == first


def test_the_upstream_breaking_off_releases_what_is_safe_and_says_so() -> None:
    def broken(stream: OutputStream) -> Any:
        return stream.fail("the upstream broke off", "upstream_broken")

    sent = encoded(events_for([message("he said 秘密")]))
    seen = run([*sent[:-4], sent[-4][:20]], before_finish=broken)

    assert seen.deltas() == f"he said 秘密{END}"
    assert seen.events[-1]["message"] == "the upstream broke off"
    assert seen.events[-1]["code"] == "upstream_broken"
    assert (seen.stream.finished, seen.stream.stopped) == (True, False)


def test_a_text_of_ours_may_complete_a_broken_response_instead_of_an_error() -> None:
    def help_instead(stream: OutputStream) -> Any:
        return stream.close_with("Help is near.")

    sent = encoded(events_for([message("he said 秘密")]))
    seen = run([*sent[:-4], sent[-4][:20]], before_finish=help_instead).check()
    told = run(sent[:-3], before_finish=help_instead).check()
    alone = run([], before_finish=help_instead).check()
    json_only = run(encoded(events_for([message('{"a": 1')]))[:-4], before_finish=help_instead, structured=True).check()

    assert seen.deltas() == f"he said 秘密\n\nHelp is near.{END}"
    assert (seen.last["status"], seen.last["output"][0]["status"]) == ("completed", "completed")
    assert told.last["status"] == "completed"
    assert "Help is near." in told.data.decode()
    assert alone.deltas() == "Help is near."
    assert alone.kinds()[0] == "created"
    assert (alone.last["id"], alone.last["model"]) == ("resp_p-1", "m")
    assert (json_only.deltas(), json_only.deltas("refusal", part=1)) == ('{"a": 1', "Help is near.")
    assert (seen.stream.finished, seen.stream.stopped) == (True, False)


def test_an_offer_of_help_stands_before_the_label() -> None:
    assert played([message("tea")], offer="Help is near.").deltas() == f"tea\n\nHelp is near.{END}"
    assert played([message('{"a":1}')], offer="Help is near.", structured=True).deltas() == '{"a":1}'


def test_rules_may_change_in_mid_stream() -> None:
    sent = encoded(events_for([message("公司的新机密代号是秘密文件")]))
    stream = ResponsesStream(context(), asked())
    out = [stream.feed(b"".join(sent[:15]))]
    assert stream.held == 2
    newer = type(RULES[0])("new", "2", RULES[0].category, 2, ("代号是秘密文件",), mask="new")
    out += [stream.reload(screening_of([*RULES, newer], "v2")), stream.feed(b"".join(sent[15:])), stream.finish()]
    seen = Seen(b"".join(one.data for one in out), events_of(b"".join(one.data for one in out)), {}, stream).check()

    assert "秘密文件" not in seen.data.decode()
    assert (len(stream.versions), stream.versions[-1]) == (2, "v2")


def test_a_change_of_rules_may_end_the_response() -> None:
    stream = ResponsesStream(context(), asked())
    out = stream.feed(b"".join(encoded(events_for([message("秘密口")]))[:7])).data
    stop = type(RULES[0])("now", "2", RULES[0].category, 4, ("秘密口",))
    out += stream.reload(screening_of([stop], "v2")).data

    assert events_of(out)[-1]["response"]["incomplete_details"] == {"reason": "content_filter"}
    assert stream.stopped
    assert "秘密口" not in out.decode()
    assert stream.reload(SCREENING).data == b""


class BrokenError(Exception):
    pass


class Breaking:
    """A scorer that fails."""

    id, version, category, severity, threshold = "breaks", "1", RULES[0].category, 4, 1.0

    def start(self) -> int:
        """Nothing yet."""
        return 0

    def update(self, state: int, folded: str) -> int:
        """Fail at a cross."""
        if "x" in folded:
            raise BrokenError
        return state

    def score(self, state: int) -> float:
        """Never reached."""
        return float(state)


@pytest.mark.parametrize("helping", [True, False])
def test_after_a_detector_raised_nothing_that_is_held_leaves(helping: bool) -> None:
    stream = ResponsesStream(context(screening=replace(SCREENING, scorers=(Breaking(),))), asked())
    sent = encoded(events_for([message("他说秘密" + "x" * 32)], halves))
    stream.feed(b"".join(sent[:4]))
    with pytest.raises(BrokenError):
        stream.feed(b"".join(sent[4:]))
    out = stream.close_with("Help is near.") if helping else stream.fail("a detector failed", "screening_unavailable")
    events = events_of(out.data)

    assert "秘密" not in out.data.decode()
    assert events[-1]["type"] == ("response.completed" if helping else "error")
    assert stream.finished


def test_the_reply_is_what_a_client_sends_back_without_our_label() -> None:
    seen = played([reasoning("hm"), message("你好，秘密口令"), call('{"to": "13812345678"}')])
    (reply,) = seen.stream.replies()
    sent = [{"id": "call_1", "function": {"name": "dial", "arguments": '{"to":"[phone]"}'}}]

    assert reply == canonical_message("assistant", {"content": "你好，[code]", "tool_calls": sent})
