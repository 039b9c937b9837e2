from __future__ import annotations

import pytest

from zhengming.gateway.wire.label_place import LabelPlacer, is_inside_code, is_json


def place(pieces: list[str], start: str = "", end: str = "") -> str:
    placer = LabelPlacer(start, end)
    sent = "".join(placer.open(piece) if placer.waiting else piece for piece in pieces)
    return sent + placer.settle() + placer.close("".join(pieces))


@pytest.mark.parametrize(
    ("pieces", "start", "end", "result"),
    [
        (["a", "b"], "", "\n\nL", "ab\n\nL"),
        (["a", "b"], "L\n\n", "", "L\n\nab"),
        (["a", "b"], "", "", "ab"),
        (["\n", " ", "a"], "L\n\n", "", "L\n\n\n a"),
        ([" ", "\n"], "L\n\n", "", " \n"),
        ([" ", "\n"], "", "\n\nL", " \n"),
        ([], "", "\n\nL", ""),
        ([' {"a"', ":1} "], "L\n\n", "", ' {"a":1} '),
        ([' {"a"', ":1} "], "", "\n\nL", ' {"a":1} '),
        (["[note] so"], "L\n\n", "", "[note] so\n\nL"),
        (["{not json"], "", "\n\nL", "{not json\n\nL"),
        (["```\ncode"], "", "\n\nL", "```\ncode"),
        (["```\ncode\n```"], "", "\n\nL", "```\ncode\n```\n\nL"),
        (["5"], "", "\n\nL", "5\n\nL"),
    ],
)
def test_the_label_stands_where_people_read_it_and_never_in_json_or_code(
    pieces: list[str], start: str, end: str, result: str
) -> None:
    assert place(pieces, start, end) == result
    assert place(list("".join(pieces)), start, end) == result


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("", False),
        ("```", True),
        ("a\n```py\nx", True),
        ("a\n```py\nx\n```", False),
        ("say ``` inline", False),
        ("~~~\nx", True),
        ("   ```\nx", True),
        ("    ```\nx", False),
    ],
)
def test_a_code_block_is_open_until_its_second_fence(text: str, inside: bool) -> None:
    assert is_inside_code(text) == inside


@pytest.mark.parametrize(
    ("text", "json"), [('{"a":1}', True), (" [1] ", True), ("5", False), ('"x"', False), ("{", False), ("", False)]
)
def test_only_objects_and_lists_count_as_json(text: str, json: bool) -> None:
    assert is_json(text) == json
