"""Provider codes: what is composed reads back, and a mistyped one is found."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.label.provider_code import (
    CodeFault,
    ProviderCodeError,
    ServiceType,
    build,
    credit_check,
    credit_fault,
    looks_like_code,
    organisation_check,
    parse,
    read,
)

USCC = "91999999GUJ65RGF1M"
CODE = "001191999999GUJ65RGF1M1A001"
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LATIN = string.digits + string.ascii_uppercase


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    region = draw(st.text("0123456789", min_size=6, max_size=6))
    organisation = draw(st.text(CREDIT_ALPHABET, min_size=8, max_size=8))
    first17 = f"91{region}{organisation}{organisation_check(organisation)}"
    return first17 + credit_check(first17)


def test_the_example_of_the_law_notes_is_composed_from_its_credit_code() -> None:
    assert build(USCC, ServiceType.GENERATION, "A001") == CODE
    assert build(USCC) == "001191999999GUJ65RGF1M00000"


@pytest.mark.parametrize(
    ("first17", "check"),
    [
        ("91350100M000100Y4", "3"),  # the published example of GB 32100-2015
        ("91999999EUHUXQEE4", "E"),
        ("919999992HRWNL1K8", "A"),
    ],
)
def test_the_check_character_of_a_credit_code(first17: str, check: str) -> None:
    assert credit_check(first17) == check


@pytest.mark.parametrize(("first8", "check"), [("D2143569", "X"), ("EUHUXQEE", "4"), ("00000000", "0")])
def test_the_check_character_of_an_organisation_code(first8: str, check: str) -> None:
    assert organisation_check(first8) == check  # D2143569-X is the example of GB 11714-1997


@given(
    credit_codes(),
    st.sampled_from([ServiceType.GENERATION, ServiceType.PROPAGATION]),
    st.text(LATIN, min_size=4, max_size=4),
)
def test_what_is_composed_reads_back(uscc: str, service: ServiceType, extension: str) -> None:
    code = build(uscc, service, extension)
    reading = parse(code)
    assert (reading.valid, reading.uscc, reading.service, len(code)) == (True, uscc, service, 27)
    assert looks_like_code(code)


@given(credit_codes(), st.integers(0, 17), st.sampled_from(CREDIT_ALPHABET))
def test_one_wrong_character_in_a_credit_code_is_always_found(uscc: str, place: int, other: str) -> None:
    wrong = uscc[:place] + other + uscc[place + 1 :]
    assert (credit_fault(wrong) is None) is (wrong == uscc)


@given(credit_codes(), st.integers(0, 16))
def test_two_neighbours_swapped_in_a_credit_code_are_always_found(uscc: str, place: int) -> None:
    wrong = uscc[:place] + uscc[place + 1] + uscc[place] + uscc[place + 2 :]
    assert (credit_fault(wrong) is None) is (wrong == uscc)


@given(st.text(max_size=40) | st.text(LATIN, min_size=26, max_size=28))
def test_reading_never_raises_and_parsing_refuses_what_is_not_valid(text: str) -> None:
    reading = read(text)
    if reading.valid:
        assert parse(text) == reading
    else:
        with pytest.raises(ProviderCodeError) as caught:
            parse(text)
        assert caught.value.fault is reading.fault
        assert caught.value.status == 400


def test_the_first_fault_in_the_fixed_order_is_reported() -> None:
    several = "01119199999IEUHUXQEE4E3A00"  # too short, wrong format code, wrong service type, wrong letter
    assert read(several).fault is CodeFault.LENGTH
    assert read(several + "1").fault is CodeFault.FORMAT_CODE
    assert read("00" + several[2:] + "1").fault is CodeFault.SERVICE_TYPE


@pytest.mark.parametrize("uscc", ["", "91999999GUJ65RGF1", "91999999GUJ65RGF1N", "91999999IUJ65RGF1M"])
def test_no_code_is_composed_from_a_wrong_credit_code(uscc: str) -> None:
    with pytest.raises(ProviderCodeError):
        build(uscc)


@pytest.mark.parametrize(
    ("service", "extension"),
    [
        (ServiceType.UNSPECIFIED, "A001"),
        (ServiceType.GENERATION, ""),
        (ServiceType.GENERATION, "a001"),
        (ServiceType.PROPAGATION, "A0011"),
    ],
)
def test_no_code_is_composed_with_a_wrong_extension(service: ServiceType, extension: str) -> None:
    with pytest.raises(InvalidInputError, match="extension"):
        build(USCC, service, extension)


@pytest.mark.parametrize("value", ["ExampleAI", "Example AI Ltd", "", "00", "911999999", "00119199999某公司"])
def test_a_name_is_not_taken_for_a_code(value: str) -> None:
    assert not looks_like_code(value)


def test_a_code_with_a_character_lost_is_still_meant_as_a_code() -> None:
    assert looks_like_code(CODE[:-1])
