"""Where masks stand in what was shown: found from what the model said, and never guessed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zhengming.console.turns.showing import masks_in
from zhengming.console.turns.telling import Acted
from zhengming.gateway.turns.detail import TurnSignal

MASK = "［号码已隐去］"


def redacted(number: int, start: int, end: int) -> Acted:
    signal = TurnSignal(number, "output", "0/content", "privacy", 2, "privacy.mobile", "1", start, end, 1.0, "redact")
    return Acted(signal, number, True, True, "pattern", 0, "", True)


@given(st.lists(st.tuples(st.text("abc ", min_size=1, max_size=6), st.integers(3, 9)), min_size=1, max_size=4))
def test_each_mask_is_found_where_it_was_put(parts: list[tuple[str, int]]) -> None:
    said, shown, found, expected = "", "", [], []
    for number, (kept, length) in enumerate(parts, 1):
        said, shown = said + kept, shown + kept
        found.append(redacted(number, len(said), len(said) + length))
        expected.append((len(shown), len(shown) + len(MASK), number))
        said, shown = said + "7" * length, shown + MASK
    said, shown = said + ".", shown + ".\n\n（内容由AI生成）"

    assert masks_in(shown, said, found) == expected


def test_a_text_that_does_not_fit_gives_no_marks() -> None:
    assert masks_in("something else", "call 138 now", [redacted(1, 5, 8)]) == []
    assert masks_in("call 138 now", "call 138 now", []) == []
