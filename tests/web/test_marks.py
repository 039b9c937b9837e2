"""Marked text: nothing is lost, nothing is written twice, and every mark lies on what it was given for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zhengming.web.marks import Mark, Piece, pieces

MARKS = st.lists(
    st.builds(
        Mark,
        st.integers(-5, 60),
        st.integers(-5, 60),
        st.sampled_from(["one", "two", "three"]),
        st.just("redact"),
        st.integers(0, 3),
    ),
    max_size=8,
)


@given(st.text(max_size=50), MARKS)
def test_the_pieces_joined_are_the_text_and_each_character_is_under_exactly_its_marks(
    text: str, marks: list[Mark]
) -> None:
    found = pieces(text, marks)

    assert "".join(piece.text for piece in found) == text
    assert all(piece.text for piece in found)
    at = 0
    for piece in found:
        for place in range(at, at + len(piece.text)):
            over = [mark.label for mark in marks if mark.start <= place < mark.end]
            assert [mark.label for mark in piece.marks] == over
        at += len(piece.text)


def test_overlapping_marks_are_cut_where_either_begins_or_ends() -> None:
    first, second = Mark(0, 4, "a", "stop", 1), Mark(2, 6, "b", "redact", 2)

    assert [(piece.text, piece.kind, piece.label, piece.notes) for piece in pieces("abcdefg", [first, second])] == [
        ("ab", "stop", "a", (1,)),
        ("cd", "stop", "a; b", (1, 2)),
        ("ef", "redact", "b", (2,)),
        ("g", "", "", ()),
    ]


def test_a_text_without_marks_is_one_piece() -> None:
    assert pieces("abc", []) == [Piece("abc")]
    assert pieces("", [Mark(0, 3, "a")]) == []
