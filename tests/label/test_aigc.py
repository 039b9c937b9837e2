"""The seven fields as we write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.label.aigc import KEYS, AigcFields, LabelFieldError, first_write, propagated
from zhengming.label.reading import LabelRemark, LabelVerdict, read

PRODUCER = "001191999999GUJ65RGF1M1A001"
PLATFORM = "001191999999LKR53E944J2P001"
NUMBER = "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11"
writable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\"), max_size=40)


def test_a_first_write_repeats_the_production_fields() -> None:
    assert first_write(PRODUCER, NUMBER).to_json() == (
        b'{"Label":"1","ContentProducer":"001191999999GUJ65RGF1M1A001",'
        b'"ProduceID":"3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11","ReservedCode1":"",'
        b'"ContentPropagator":"001191999999GUJ65RGF1M1A001",'
        b'"PropagateID":"3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11","ReservedCode2":""}'
    )


def test_a_platform_replaces_its_own_fields_and_leaves_the_producers_alone() -> None:
    before = first_write(PRODUCER, NUMBER)
    after = propagated(before, PLATFORM, "post-000918273")
    assert after.values() == ("1", PRODUCER, NUMBER, "", PLATFORM, "post-000918273", "")


def test_a_quote_is_written_as_backslash_quote() -> None:
    written = first_write(PRODUCER, NUMBER, reserved_code1='{"SecurityData":{}}').to_json()
    assert rb'"ReservedCode1":"{\"SecurityData\":{}}"' in written
    assert json.loads(written)["ReservedCode1"] == '{"SecurityData":{}}'


def test_the_wrapped_form_holds_the_direct_form() -> None:
    fields = first_write(PRODUCER, NUMBER)
    assert fields.to_wrapped_json() == b'{"AIGC":' + fields.to_json() + b"}"
    assert read(fields.to_wrapped_json()) == read(fields.to_json())


@given(writable.filter(bool), writable.filter(bool), st.sampled_from("123"), writable)
def test_what_is_written_is_read_back_and_is_compliant_even_strictly(
    name: str, number: str, tier: str, reserve: str
) -> None:
    fields = first_write(f"n{name}", number, tier, reserve)
    written = fields.to_json()
    assert all(0x21 <= byte <= 0x7E for byte in written)
    assert list(json.loads(written)) == list(KEYS)
    reading = read(written, strict=True)
    assert (reading.verdict, reading.fields) == (LabelVerdict.COMPLIANT, fields)
    assert reading.warnings == (LabelRemark.PRODUCER_IS_A_NAME,)


@given(st.text(max_size=20))
def test_a_value_is_written_exactly_or_refused(value: str) -> None:
    fields = AigcFields("1", "ExampleAI", NUMBER, value, "ExampleAI", NUMBER, "")
    if all("!" <= character <= "~" and character != "\\" for character in value):
        assert read(fields.to_json(), strict=True).fields == fields
    else:
        with pytest.raises(LabelFieldError, match="ReservedCode1"):
            fields.to_json()


@pytest.mark.parametrize(
    ("producer", "number", "tier", "field"),
    [
        ("", NUMBER, "1", "ContentProducer"),
        ("Example AI Ltd", NUMBER, "1", "ContentProducer"),
        ("示例科技", NUMBER, "1", "ContentProducer"),
        ("001191999999EUHUXQEE4A00000", NUMBER, "1", "ContentProducer"),
        (PRODUCER[:-1], NUMBER, "1", "ContentProducer"),
        (PRODUCER, "", "1", "ProduceID"),
        (PRODUCER, "a\\b", "1", "ProduceID"),
        (PRODUCER, "a\nb", "1", "ProduceID"),
        (PRODUCER, "a\x7fb", "1", "ProduceID"),
        (PRODUCER, NUMBER, "", "Label"),
        (PRODUCER, NUMBER, "4", "Label"),
        (PRODUCER, NUMBER, "AIGC", "Label"),
    ],
)
def test_a_bad_value_is_refused_by_name(producer: str, number: str, tier: str, field: str) -> None:
    with pytest.raises(LabelFieldError) as caught:
        first_write(producer, number, tier)
    assert caught.value.field == field
    assert field in str(caught.value)
    assert caught.value.next_step
    assert isinstance(caught.value, InvalidInputError)


def test_a_platform_cannot_write_a_mistyped_code_or_no_number() -> None:
    fields = first_write(PRODUCER, NUMBER)
    for propagator, number, field in (
        (PLATFORM[:-1], "post-1", "ContentPropagator"),
        ("", "post-1", "ContentPropagator"),
        (PLATFORM, "", "PropagateID"),
    ):
        with pytest.raises(LabelFieldError) as caught:
            propagated(fields, propagator, number)
        assert caught.value.field == field


def test_a_label_longer_than_a_reader_takes_is_refused() -> None:
    with pytest.raises(LabelFieldError, match="bytes long"):
        first_write(PRODUCER, NUMBER, reserved_code1="A" * 65_536).to_json()
