"""The label beside an answer: headers that a client can read and nobody can break out of."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.label.aigc import AigcFields, LabelFieldError, first_write
from zhengming.label.headers import label_headers
from zhengming.label.text import wording

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "id-1")


def test_the_headers_name_tier_producer_and_number() -> None:
    assert label_headers(FIELDS) == [
        (b"x-aigc-label", b"1"),
        (b"x-aigc-producer", b"001191999999GUJ65RGF1M1A001"),
        (b"x-aigc-produce-id", b"id-1"),
    ]


def test_the_explicit_label_travels_percent_encoded() -> None:
    [*_, (name, value)] = label_headers(FIELDS, wording("zh-CN"))
    assert name == b"x-aigc-notice"
    assert value.isascii()
    assert unquote(value.decode()) == wording("zh-CN")


header_values = st.text(min_size=1, max_size=60) | st.text("ab!~\r\n ", min_size=1, max_size=8)


@given(header_values, st.text(max_size=60))
def test_no_value_ever_ends_its_line(value: str, notice: str) -> None:
    fields = AigcFields("1", value, value, "", value, value, "")
    if all("!" <= character <= "~" for character in value):
        assert all(0x21 <= byte <= 0x7E for _, sent in label_headers(fields, notice) for byte in sent)
    else:
        with pytest.raises(LabelFieldError, match="ContentProducer"):
            label_headers(fields, notice)


@pytest.mark.parametrize("value", ["", "a b", "a\r\nX-Evil: 1", "名", "a" * 1_025])
def test_a_value_that_cannot_stand_in_a_header_is_refused(value: str) -> None:
    with pytest.raises(LabelFieldError, match="ProduceID"):
        label_headers(AigcFields("1", "ExampleAI", value, "", "ExampleAI", "x", ""))
