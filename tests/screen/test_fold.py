"""Folding: one table, the same for every cut, and current with the script that makes it."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.screen import oracle

from zhengming.screen.bulk import _fold, _tight
from zhengming.screen.fold import load_fold
from zhengming.screen.literals import tight_stream

FOLD = load_fold()
ROOT = Path(__file__).resolve().parents[2]
ANY_TEXT = st.text(
    st.one_of(st.characters(), st.sampled_from("aｂ1①ß㎏ ,，。\u200b\u0301賭博\ud800🎲\n\u3000")), max_size=40
)

PLAIN = [
    ("Hello，World！", "hello,world!"),
    ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
    ("臺灣賭場", "台湾赌场"),
    ("кіӏӏ ᴋɪʟʟ 🅚🅘🅛🅛", "kill kill kill"),
    ("αpple", "apple"),
    ("café cafe\u0301", "cafe cafe"),
    ("１３８①②③٣٤𝟓❻", "1381233456"),
    ("⑩⑴㈠", "101一"),
    ("赌\u200b博\ufe0f\u00ad\u2060", "赌博"),
    ("z\u0324\u034b\u0320a\u0353l\u0323go", "zalgo"),
    ("ß㎏ﬁ№", "sskgfino"),
    ("a\t\n\u00a0\u3000\u2028b", "a     b"),
    ("……——", "..--"),
    ("a\x00\x1b\x7fb", "ab"),
    ("👍🏽", "👍"),
    ("\ud83d\ude00 alone \ud800", "\ud83d\ude00 alone \ud800"),
    ("が か\u3099", "か か"),
]


@pytest.mark.parametrize(("text", "folded"), PLAIN)
def test_a_text_is_folded_to_its_plain_form(text: str, folded: str) -> None:
    assert FOLD.plain(text) == folded


TIGHT = [
    ("杀 猪。盘", "杀猪盘"),
    ("kill  yourself", "kill yourself"),
    ("k.i.l.l", "k i l l"),
    ("加 v x", "加v x"),
    ("杀----猪", "杀猪"),
    ("杀-----猪", "杀\0猪"),
    ("a    b", "a b"),
    ("a     b", "a\0b"),
    ("a\u200b\u200b\u200b\u200b\u200bb", "ab"),
    ("赌🎲博", "赌博"),
    ("赌\ud800博", "赌\0博"),
]


@pytest.mark.parametrize(("text", "tight"), TIGHT)
def test_separators_are_skipped_or_break(text: str, tight: str) -> None:
    assert tight_stream(FOLD.plain(text), FOLD) == tight


def test_folding_twice_changes_nothing() -> None:
    for folded in FOLD.table.values():
        assert FOLD.plain(folded) == folded


def test_every_character_that_folds_or_has_a_kind_is_special() -> None:
    for code in range(0x10000):
        character = chr(code)
        known = character in FOLD.table or character in FOLD.words or character in FOLD.separators
        expected = known or code < 0x80 or 0xD800 <= code <= 0xDFFF
        assert (FOLD.special(character) is not None) == expected, hex(code)


@given(ANY_TEXT)
def test_the_bulk_fold_is_the_fold_of_each_character(text: str) -> None:
    folded = _fold(text, FOLD)
    letters = oracle.plain(text)
    assert folded.text == FOLD.plain(text) == "".join(letter.char for letter in letters)
    assert list(folded.origins) == [letter.origin for letter in letters]


@given(ANY_TEXT.filter(bool))
def test_the_bulk_tight_stream_is_that_of_the_oracle(text: str) -> None:
    tight, places = _tight(FOLD.plain(text), FOLD)
    letters = oracle.tight(oracle.plain(text))
    assert tight == "".join("\0" if "\ud800" <= one.char <= "\udfff" else one.char for one in letters)
    assert list(places) == [letter.place for letter in letters]


@given(ANY_TEXT, st.integers(0, 40))
def test_a_cut_changes_nothing(text: str, at: int) -> None:
    assert FOLD.plain(text[:at]) + FOLD.plain(text[at:]) == FOLD.plain(text)


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="the table was made from Unicode 14 (Python 3.11)")
def test_the_packaged_table_is_what_the_script_makes(tmp_path: Path) -> None:
    made = tmp_path / "fold.txt"
    subprocess.run([sys.executable, ROOT / "scripts/make_fold_tables.py", made], check=True)  # noqa: S603 - our own script
    assert made.read_bytes() == (ROOT / "src/zhengming/screen/data/fold.txt").read_bytes()
