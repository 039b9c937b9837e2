"""Tables of numbers that are and are not what they look like, and the check characters as properties."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.screen.number_tables import IBAN_LENGTHS, PROVINCE_CODES
from zhengming.screen.validators import (
    VALIDATORS,
    bank_card,
    compact,
    credit_code,
    credit_code_check,
    iban,
    luhn,
    organisation_check,
    resident_id,
    resident_id_check,
)

GOOD = [
    ("resident_id", "11010519491231002x"),  # the specimen of GB 11643
    ("resident_id", "110101 19900307 0011"),
    ("resident_id", "1 1 0 1 0 1 1 9 9 0 0 3 0 7 0 0 1 1"),
    ("resident_id", "身份证号:440524198001010013"),
    ("resident_id", "81000019940823002" + resident_id_check("81000019940823002")),
    ("mobile", "13800138000"),
    ("mobile", "138-0013-8000"),
    ("mobile", "+86 138 0013 8000"),
    ("mobile", "0086 19912345678"),
    ("mobile", "166 1234 5678"),
    ("landline", "010-65529988"),
    ("landline", "(0755) 8888 1234"),
    ("landline", "0431-8123456"),
    ("landline", "021 5888 1234"),
    ("intl_phone", "+44 20 7946 0958"),
    ("intl_phone", "+1 (415) 555-0132"),
    ("intl_phone", "+852 2345 6789"),
    ("intl_phone", "+7 912 345-67-89"),
    ("bank_card", "4111 1111 1111 1111"),
    ("bank_card", "6222-0212-3456-7890-128"),
    ("bank_card", "378282246310005"),
    ("bank_card", "5105105105105100"),
    ("credit_code", "91350100m000100y43"),  # the specimen of GB 32100
    ("passport", "e12345678"),
    ("passport", "护照号码:ea1234567"),
    ("passport", "passport no. g12345678"),
    ("passport", "se1234567"),
    ("plate", "京a12345"),
    ("plate", "粤b·d12345"),
    ("plate", "沪a d1234"),
    ("iban", "gb82 west 1234 5698 7654 32"),
    ("iban", "de89370400440532013000"),
    ("us_ssn", "536-22-8726"),
    ("public_ipv4", "8.8.4.40"),
    ("public_ipv4", "223.5.5.5"),
]

BAD = [
    ("resident_id", "110105194912310020"),  # wrong check character
    ("resident_id", "990105194912310021"),  # no such province
    ("resident_id", "110105194902300021"),  # 30 February
    ("resident_id", "110105179912310021"),
    ("resident_id", "11010519491231002"),
    ("resident_id", "1101051949123100xx"),
    ("mobile", "12345678901"),
    ("mobile", "14159265359"),  # pi after its point
    ("mobile", "0.15915494309"),  # one over two pi
    ("mobile", "1380013800"),
    ("mobile", "138001380000"),
    ("mobile", "17912345678"),
    ("landline", "0"),
    ("landline", "010-1234567"),
    ("landline", "0010-65529988"),
    ("landline", "0755-1888123"),
    ("landline", "65529988"),
    ("landline", "0431-812345a"),
    ("intl_phone", "+1 800 273 8255"),  # freephone: a help line
    ("intl_phone", "+800 1234 5678"),
    ("intl_phone", "+86 138 0013 8000"),
    ("intl_phone", "+1 115 555 0132"),
    ("intl_phone", "+999 123 456 789 012 3"),
    ("intl_phone", "+44 116"),
    ("bank_card", "4111 1111 1111 1112"),
    ("bank_card", "9999 9999 9999 9995"),  # Luhn holds, nobody issues it
    ("bank_card", "6222 0212 3456 7890"),
    ("bank_card", "4000000000000"),
    ("bank_card", "1234567812345670"),
    ("credit_code", "91350100m000100y44"),
    ("credit_code", "91350100i000100y43"),  # the letter I is not in the alphabet
    ("credit_code", "000000000000000000"),
    ("credit_code", "91350100m000100y4"),
    ("passport", "z12345678"),
    ("passport", "e1234567"),
    ("plate", "京abcdef"),
    ("plate", "京a1234"),
    ("iban", "gb82 west 1234 5698 7654 33"),
    ("iban", "gb82 west 1234 5698 7654 3"),
    ("iban", "zz82west12345698765432"),
    ("iban", "gbxxwest12345698765432"),
    ("us_ssn", "000-22-8726"),
    ("us_ssn", "666-22-8726"),
    ("us_ssn", "936-22-8726"),
    ("us_ssn", "536-00-8726"),
    ("us_ssn", "536-22-0000"),
    ("us_ssn", "078-05-1120"),
    ("us_ssn", "536-22-872"),
    ("public_ipv4", "192.168.1.10"),
    ("public_ipv4", "127.0.0.1"),
    ("public_ipv4", "203.0.113.9"),  # documentation
    ("public_ipv4", "1.2.3.4"),
    ("public_ipv4", "8.8.4.400"),
]


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_numbers_that_can_exist_pass(name: str, text: str) -> None:
    assert VALIDATORS[name](text)


@pytest.mark.parametrize(("name", "text"), BAD)
def test_numbers_that_cannot_exist_fail(name: str, text: str) -> None:
    assert not VALIDATORS[name](text)


def test_every_validator_stands_in_both_tables() -> None:
    assert {name for name, _ in GOOD} == {name for name, _ in BAD} == set(VALIDATORS)


@pytest.mark.parametrize("name", sorted(VALIDATORS))
@given(text=st.text(max_size=40))
def test_any_text_is_answered_and_none_raises(name: str, text: str) -> None:
    assert VALIDATORS[name](text) in {True, False}


digits = st.sampled_from("0123456789")


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    day = draw(st.dates(min_value=date(1900, 1, 1), max_value=date(2049, 12, 31)))
    body = draw(st.sampled_from(sorted(PROVINCE_CODES))) + draw(st.text(digits, min_size=4, max_size=4))
    body += day.strftime("%Y%m%d") + draw(st.text(digits, min_size=3, max_size=3))
    return body + resident_id_check(body)


@st.composite
def cards(draw: st.DrawFn) -> str:
    body = "62" + draw(st.text(digits, min_size=13, max_size=16))
    return next(body + last for last in "0123456789" if luhn(body + last))


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    alphabet = "0123456789abcdefghjklmnpqrtuwxy"
    organisation = draw(st.text(st.sampled_from(alphabet), min_size=8, max_size=8).filter(lambda t: len(set(t)) > 3))
    body = "91" + draw(st.text(digits, min_size=6, max_size=6)) + organisation + organisation_check(organisation)
    return body + credit_code_check(body)


@st.composite
def ibans(draw: st.DrawFn) -> str:
    country = draw(st.sampled_from(sorted(IBAN_LENGTHS)))
    account = draw(st.text(digits, min_size=IBAN_LENGTHS[country] - 4, max_size=IBAN_LENGTHS[country] - 4))
    moved = "".join(str(int(character, 36)) for character in account + country + "00")
    return f"{country}{98 - int(moved) % 97:02d}{account}"


numbers = st.one_of(
    st.tuples(st.just("resident_id"), resident_ids()),
    st.tuples(st.just("bank_card"), cards()),
    st.tuples(st.just("credit_code"), credit_codes()),
    st.tuples(st.just("iban"), ibans()),
)


@given(number=numbers, place=st.integers(min_value=0, max_value=40), other=digits)
def test_a_single_changed_digit_is_found(number: tuple[str, str], place: int, other: str) -> None:
    """All four schemes promise to find every single substitution of a digit by a digit."""
    name, text = number
    assert VALIDATORS[name](text)
    place %= len(text)
    if text[place].isdigit() and text[place] != other:
        assert not VALIDATORS[name](text[:place] + other + text[place + 1 :])


@given(number=numbers, data=st.data())
def test_separators_inside_change_nothing(number: tuple[str, str], data: st.DataObject) -> None:
    name, text = number
    gaps = data.draw(st.lists(st.sampled_from(["", " ", "-", "."]), min_size=len(text), max_size=len(text)))
    spaced = "".join(character + gap for character, gap in zip(text, gaps, strict=True))
    assert VALIDATORS[name](spaced)
    assert compact(spaced) == text


def test_published_specimens_check_out() -> None:
    """Anchors outside our own arithmetic: the specimens printed in the standards."""
    assert resident_id("11010519491231002x")
    assert credit_code("91350100m000100y43")
    assert iban("gb82west12345698765432")
    assert bank_card("378282246310005")
    assert luhn("79927398713")
    assert not luhn("7992739871x")
