from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.gateway.wire.splice import Splice, depth_of, dump, is_deeper_than

ODD = b"""
 { "n" : 123456789012345678901234567890 , "f":1.0,"e" : 1e400, "z":-0,
\t"s" : "\\ud800 \\u4f60\\n\\"}]{[,:" , "k\\u0065y\\"": [ 1 , {"a":[ ] ,"b":{ }} , "x" ],
 "dup":1, "dup" : 2 }  """


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), ODD.strip()),
        (("n",), b"123456789012345678901234567890"),
        (("f",), b"1.0"),
        (("e",), b"1e400"),
        (("z",), b"-0"),
        (("s",), b'"\\ud800 \\u4f60\\n\\"}]{[,:"'),
        (('key"', 0), b"1"),
        (('key"', 1), b'{"a":[ ] ,"b":{ }}'),
        (('key"', 1, "a"), b"[ ]"),
        (('key"', 2), b'"x"'),
        (("dup",), b"2"),
    ],
)
def test_a_path_leads_to_the_very_bytes_of_its_value(path: tuple[str | int, ...], found: bytes) -> None:
    assert Splice(ODD).raw(path) == found


@pytest.mark.parametrize("path", [("none",), ("n", "a"), ('key"', 3), ('key"', 1, "a", 0), ("s", 0)])
def test_a_path_that_leads_nowhere_is_named(path: tuple[str | int, ...]) -> None:
    with pytest.raises(KeyError, match="is not in the JSON text"):
        Splice(ODD).find(path)


def test_an_edit_leaves_every_other_byte_alone() -> None:
    splice = Splice(ODD)
    splice.replace(('key"', 1, "b"), b"null")
    splice.replace(("s",), dump("\ud800"))
    splice.insert((), "aigc", b'{"Label":"1"}')
    expected = ODD.replace(b"{ }", b"null").replace(b'"\\ud800 \\u4f60\\n\\"}]{[,:"', b'"\\ud800"')
    assert splice.render() == expected.replace(b" 2 }  ", b' 2,"aigc":{"Label":"1"} }  ')


@pytest.mark.parametrize(
    ("raw", "path", "result"),
    [
        (b"{}", (), b'{"k":1}'),
        (b"{ \n }", (), b'{"k":1 \n }'),
        (b'{"a":{ }}', ("a",), b'{"a":{"k":1 }}'),
        (b'{"a":[{}]}', ("a", 0), b'{"a":[{"k":1}]}'),
        (b'{"a":"{"}', (), b'{"a":"{","k":1}'),
        (b'{"k":0,"a":1}', (), b'{"k":1,"a":1}'),
        (b'{"k":0,"k":[]}', (), b'{"k":0,"k":1}'),
    ],
)
def test_a_member_is_appended_or_takes_the_place_of_its_namesake(
    raw: bytes, path: tuple[str | int, ...], result: bytes
) -> None:
    splice = Splice(raw)
    splice.insert(path, "k", b"1")
    assert splice.render() == result


def test_members_cannot_be_put_into_what_is_no_object() -> None:
    with pytest.raises(KeyError, match="a is no JSON object"):
        Splice(b'{"a":[]}').insert(("a",), "k", b"1")


def test_several_members_keep_their_order() -> None:
    splice = Splice(b"{}")
    splice.insert((), "b", b"1")
    splice.insert((), "a", b"2")
    assert splice.render() == b'{"b":1,"a":2}'


def test_without_edits_the_very_object_comes_back() -> None:
    assert Splice(ODD).render() is ODD


def test_editing_a_whole_and_its_part_is_refused() -> None:
    splice = Splice(b'{"a":{"b":1}}')
    splice.replace(("a",), b"0")
    splice.replace(("a", "b"), b"2")
    with pytest.raises(ValueError, match="two edits overlap at byte"):
        splice.render()


@pytest.mark.parametrize("raw", [b'{"a":1', b'{"a":[1'])
def test_a_text_that_is_cut_off_is_refused_and_not_guessed_at(raw: bytes) -> None:
    with pytest.raises(InvalidInputError, match="never closed"):
        Splice(raw).find(("a", 0))


def test_depth_counts_brackets_outside_of_strings_without_recursion() -> None:
    assert depth_of(b'{"a":["[[[[\\"{{{",[{}]]}') == 4
    assert is_deeper_than(b"[" * 100_000)
    assert not is_deeper_than(b"[" + b'"[[[[[[",' * 1_000 + b"[]]")


def test_splicing_at_great_depth_needs_no_stack() -> None:
    raw = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    splice = Splice(raw)
    splice.insert((), "b", b"2")
    assert splice.render() == raw[:-1] + b',"b":2}'


_KEYS = st.text(st.sampled_from('ab\\"\u4f60\ud800{[:, \n'), max_size=4)
_NUMBERS = st.sampled_from([0, -1, 10**40, -(10**25), 1.5, 1e-7])
_DOCUMENTS = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(st.sampled_from('a"\\{}[]:,\u4f60\ud800\U0001f600\n'), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [path, *(found for key, child in children for found in _paths(child, (*path, key)))]


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _nested(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


@settings(max_examples=300, deadline=None)
@given(document=_DOCUMENTS, indent=st.sampled_from([None, 0, 3, "\t\r"]), data=st.data())
def test_random_edits_equal_edits_of_the_parsed_document(
    document: Any, indent: int | str | None, data: st.DataObject
) -> None:
    ascii_only = data.draw(st.booleans()) or "\ud800" in json.dumps(document, ensure_ascii=False)
    raw = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
    splice = Splice(raw)
    chosen: list[tuple[str | int, ...]] = []
    expected = json.loads(raw)
    every = _paths(document)
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from(every))
        if path and not any(_nested(path, other) for other in chosen):
            chosen.append(path)
            replacement = data.draw(_NUMBERS)
            splice.replace(path, dump(replacement))
            _at(expected, path[:-1])[path[-1]] = replacement
    for path in every:
        untouched = not any(_nested(path, other) for other in chosen if len(other) <= len(path))
        if untouched and isinstance(_at(document, path), dict) and data.draw(st.booleans()):
            splice.insert(path, "new key", b'"\\u4f60"')
            _at(expected, path)["new key"] = "你"
    assert json.loads(splice.render()) == expected


@settings(max_examples=200, deadline=None)
@given(document=_DOCUMENTS, indent=st.sampled_from([None, 2]), data=st.data())
def test_outside_of_a_replaced_value_every_byte_is_the_same(
    document: Any, indent: int | None, data: st.DataObject
) -> None:
    raw = json.dumps(document, indent=indent).encode()
    path = data.draw(st.sampled_from(_paths(document)))
    splice = Splice(raw)
    start, end = splice.find(path)
    splice.replace(path, b"<here>")
    assert splice.render() == raw[:start] + b"<here>" + raw[end:]
    assert json.loads(raw[start:end]) == _at(document, path)
