from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.gateway.wire.edit import Edit, append_members, replace_text
from zhengming.gateway.wire.splice import Splice, dump


@pytest.mark.parametrize(
    ("data", "old", "result"),
    [
        (b'{"a":{"content":"x"}}', "x", b'{"a":{"content":"new"}}'),
        (b'{"a":{"content":"x\\n"}}', "x\n", b'{"a":{"content":"new"}}'),
        (b'{"a":{"content":"\\"content\\""}}', '"content"', b'{"a":{"content":"new"}}'),
        (b'{"a":{"content": "x"}}', "x", b'{"a":{"content": "new"}}'),
        (b'{"a":{"content" :"x"}}', "x", None),
        (b'{"a":{"content":"\\u0078"}}', "x", None),
        (b'{"a":{"cont\\u0065nt":"x"},"content":"x"}', "x", None),
        (b'{"a":{"content":"x"},"b":{"content":"x"}}', "x", None),
        (b'{"a":{"content":"x"},"b":"content"}', "x", None),
    ],
)
def test_a_text_is_replaced_quickly_only_where_there_is_no_doubt(data: bytes, old: str, result: bytes | None) -> None:
    assert replace_text(data, "content", old, "new") == result


@pytest.mark.parametrize(
    ("data", "result"),
    [
        (b'{"a":1}', b'{"a":1,"k":2}'),
        (b'{"a":1} ', None),
        (b"{}", None),
        (b'{"k":1}', None),
    ],
)
def test_a_member_is_appended_quickly_only_where_there_is_no_doubt(data: bytes, result: bytes | None) -> None:
    assert append_members(data, json.loads(data), {"k": b"2"}) == result


TEXTS = st.text(st.sampled_from('ab"\\\n\u4f60\ud800{:'), max_size=6)


@settings(max_examples=300, deadline=None)
@given(
    members=st.dictionaries(st.sampled_from(["content", "model", "x", "content\\"]), TEXTS, min_size=1),
    nested=st.dictionaries(st.sampled_from(["content", "x"]), TEXTS, min_size=1),
    new=TEXTS,
    spaced=st.booleans(),
    member=st.booleans(),
    value=st.booleans(),
)
def test_the_quick_way_and_the_scanner_agree(  # noqa: PLR0917 - drawn
    members: dict[str, str],
    nested: dict[str, str],
    new: str,
    spaced: bool,
    member: bool,
    value: bool,
) -> None:
    document: dict[str, Any] = {**members, "inner": nested}
    raw = json.dumps(document, separators=(", ", ": ") if spaced else (",", ":")).encode()
    key = next(iter(nested))
    edit, splice = Edit(raw, document), Splice(raw)
    edit.text(("inner", key), nested[key], new)
    splice.replace(("inner", key), dump(new))
    nested[key] = new
    if member:
        edit.member("aigc", b"{}")
        document["aigc"] = {}
    if value:
        edit.value(("inner", "added"), b"1")
        nested["added"] = 1  # type: ignore[assignment]  # any JSON
    assert json.loads(edit.render()) == document
