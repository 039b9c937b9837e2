"""The explicit label of a text: what it says, where it stands, and how it comes off again."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zhengming.core.words import LabelPlacement
from zhengming.label.text import (
    BOTH,
    LABEL_LANGUAGES,
    LabelStripper,
    LabelWordingError,
    TextLabel,
    carries_both_elements,
    check_wording,
    meets_standard,
    strip_own_labels,
    wording,
)

ZH = "（内容由AI生成，仅供参考）"
EN = "(AI-generated content, for reference only)"
OWN = "本内容由人工智能合成"
placements = st.sampled_from(LabelPlacement)
languages = st.sampled_from(LABEL_LANGUAGES)
# Texts built from the pieces that could confuse the stripper, beside ordinary ones.
pieces = st.sampled_from(
    [ZH, EN, wording(BOTH), OWN, ZH[:-1], "\n", "\r\n", "\r", "\n\n", " ", "\t", "a", "好", "）", ")", "（"]
)
texts = st.lists(pieces, max_size=8).map("".join) | st.text(max_size=30)


@pytest.mark.parametrize(
    ("placement", "language", "start", "end"),
    [
        (LabelPlacement.END, "zh-CN", "", "\n\n" + ZH),
        (LabelPlacement.END, "en", "", "\n\n" + EN),
        (LabelPlacement.START, "zh-CN", ZH + "\n\n", ""),
        (LabelPlacement.START, "en", EN + "\n\n", ""),
        (LabelPlacement.INTERFACE, "zh-CN", "", ""),
        (LabelPlacement.INTERFACE, "both", "", ""),
    ],
)
def test_what_is_added_where(placement: LabelPlacement, language: str, start: str, end: str) -> None:
    label = TextLabel(placement, language)
    assert (label.start, label.end) == (start, end)
    assert label.place("答") == f"{start}答{end}"


@pytest.mark.parametrize("language", LABEL_LANGUAGES)
def test_our_wordings_can_serve_as_labels(language: str) -> None:
    assert check_wording(wording(language)) == wording(language)
    assert meets_standard(wording(language)) is (language != "en")


def test_an_unknown_language_is_labelled_in_the_default_one() -> None:
    assert TextLabel(LabelPlacement.END, "fr").end == "\n\n" + ZH


@pytest.mark.parametrize(
    ("text", "both", "standard"),
    [
        ("AI生成", True, True),
        ("AI合成", True, True),
        ("人工智能生成", True, True),
        ("由AI生成", True, True),
        ("人工智能生成合成", True, True),
        ("内容由AI生成，仅供参考", True, True),
        ("AI-generated", True, False),
        ("Synthesised by artificial intelligence", True, False),
        ("AI", False, False),
        ("仅供参考", False, False),
        ("机器生成", False, False),
        ("EMAIL生成", False, False),
        ("AIDED生成", False, False),
        ("本文由ai生成", False, False),
        ("AI degenerated", False, False),
    ],
)
def test_which_wordings_carry_the_elements(text: str, both: bool, standard: bool) -> None:
    assert (carries_both_elements(text), meets_standard(text)) == (both, standard)


@pytest.mark.parametrize(
    "own",
    [
        "",
        " AI生成",
        "AI生成\n",
        "AI\n生成",
        "AI",
        "仅供参考",
        "非AI生成",
        "并不是AI生成的",
        "not AI-generated",
        "A\u200bI生成 AI生成",
        "AI生成" * 100,
    ],
)
def test_a_wording_that_cannot_serve_is_refused(own: str) -> None:
    with pytest.raises(LabelWordingError) as caught:
        check_wording(own)
    assert caught.value.next_step


def test_an_operators_own_wording_replaces_ours() -> None:
    assert TextLabel(LabelPlacement.END, own=OWN).end == "\n\n" + OWN
    with pytest.raises(LabelWordingError):
        TextLabel(LabelPlacement.INTERFACE, own="仅供参考")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ""),
        ("好的。", "好的。"),
        (f"好的。\n\n{ZH}", "好的。"),
        (f"{ZH}\n\n好的。", "好的。"),
        (f"好的。\n\n{ZH}  \n", "好的。"),
        (f"好的。\n\n{ZH}\n\n{ZH}", "好的。"),
        (f"好的。\n\n{EN}\n\n{ZH}", "好的。"),
        (f"{EN}\n\n{ZH}\n\n好的。\n\n{wording(BOTH)}", "好的。"),
        (f"好的。\r\n\r\n{ZH}\r\n", "好的。"),
        (f"好的。\n{ZH}", "好的。"),
        (f"好的。\n\n\n{ZH}", "好的。\n"),
        (ZH, ""),
        (f"\n\n{ZH}", ""),
        (f"{ZH}\n\n", ""),
        (f"{ZH}\n\n{ZH}", ""),
        (f"请在文末写：{ZH}", f"请在文末写：{ZH}"),
        (f"{ZH}这样写就行", f"{ZH}这样写就行"),
        (f"前文\n{ZH}\n后文", f"前文\n{ZH}\n后文"),
        (f"“{ZH}”", f"“{ZH}”"),
        (f"好的。\n\n{ZH}。", f"好的。\n\n{ZH}。"),
        ("见附录（略）", "见附录（略）"),
        ("  留着空白  ", "  留着空白  "),
    ],
)
def test_what_is_taken_out_and_what_stays(text: str, left: str) -> None:
    assert strip_own_labels(text) == left


def test_an_operators_wording_is_taken_out_only_when_it_is_given() -> None:
    text = f"好的。\n\n{OWN}"
    assert strip_own_labels(text) == text
    assert strip_own_labels(text, (OWN,)) == "好的。"


@settings(max_examples=1_000)
@given(texts, placements, languages, st.sampled_from(["", OWN]))
@example("W\r", LabelPlacement.END, "zh-CN", "")
@example(ZH + "\r", LabelPlacement.END, "zh-CN", "")
@example("  ", LabelPlacement.START, "zh-CN", "")
@example("a\r", LabelPlacement.END, "en", "")
def test_placing_and_stripping_gives_the_text_back(
    text: str, placement: LabelPlacement, language: str, own: str
) -> None:
    if strip_own_labels(text, (OWN,)) == text:  # it does not itself begin or end with a label
        assert strip_own_labels(TextLabel(placement, language, own).place(text), (OWN,)) == text


@settings(max_examples=1_000)
@given(texts)
def test_stripping_twice_takes_no_more_than_stripping_once(text: str) -> None:
    once = strip_own_labels(text, (OWN,))
    assert strip_own_labels(once, (OWN,)) == once
    assert once in text


@given(st.text(max_size=50))
def test_a_text_without_our_words_is_returned_as_it_stands(text: str) -> None:
    if "生成" not in text and "generated" not in text:
        assert strip_own_labels(text) is text


def test_many_labels_in_a_row_are_taken_out_in_time_that_grows_with_the_text() -> None:
    assert strip_own_labels("好" + f"\n\n{ZH}" * 20_000) == "好"
    assert strip_own_labels(f"{ZH}\n\n" * 20_000 + "好") == "好"


def test_one_stripper_serves_all_requests() -> None:
    stripper = LabelStripper([OWN, ""])
    assert stripper.strip(f"a\n\n{OWN}") == "a"
    assert stripper.strip("") == ""
