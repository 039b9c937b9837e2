"""Second looks at what an expression found: check characters, plausible dates, allocated ranges.

A validator is a pure function of the matched *folded* text (lower case, half width, Western digits). Separators inside
are tolerated, and so are words of context in other scripts around the number: only ASCII letters and digits are read.
An expression says what a number looks like; the validator says whether it can be one. `VALIDATORS` maps the names that
stand in rule files to the functions.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Final

from zhengming.screen.number_tables import (
    CALLING_CODES_2,
    CALLING_CODES_3,
    CARD_ISSUERS,
    IBAN_LENGTHS,
    LANDLINE_AREAS_2,
    MOBILE_PREFIXES,
    PROVINCE_CODES,
)

_RESIDENT_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS: Final = "10x98765432"
_CREDIT_ALPHABET: Final = "0123456789abcdefghjklmnpqrtuwxy"
_CREDIT_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_CHECKS: Final = "0123456789x"
_PASSPORT: Final = re.compile(r"(?:[eg][0-9]{8}|e[a-hj-np-z][0-9]{7}|[dsp]e?[0-9]{7})")
_DECIMAL: Final = re.compile(r"0\.")
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2049
_PUBLISHED_AS_INVALID: Final = frozenset({"078051120", "219099999"})
_TOLL_FREE_AREAS: Final = frozenset({"800", "833", "844", "855", "866", "877", "888"})


def compact(text: str) -> str:
    """Return only the ASCII letters and digits of a folded text, in order."""
    return "".join(character for character in text if character.isascii() and character.isalnum())


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812-1, Annex B; False for anything but digits."""
    if not (digits.isascii() and digits.isdigit()):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2  # noqa: PLR2004 - a doubled 5 has two digits
        total += value
    return total % 10 == 0


def resident_id_check(body: str) -> str:
    """Return the check character of the 17 digits of a resident number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(_RESIDENT_WEIGHTS, body, strict=True))
    return _RESIDENT_CHECKS[total % 11]


def resident_id(text: str) -> bool:
    """Whether it is a plausible 18-character resident number: province, date of birth and check character.

    The clock is no business of the judging core, so any day from 1900 to 2049 is a plausible date.
    """
    number = compact(text)
    if len(number) != 18 or not number[:17].isdigit():  # noqa: PLR2004 - GB 11643
        return False
    if number[:2] not in PROVINCE_CODES or not _is_day(number[6:14]):
        return False
    return resident_id_check(number[:17]) == number[17]


def _is_day(digits: str) -> bool:
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    if not _EARLIEST_YEAR <= year <= _LATEST_YEAR:
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def mobile(text: str) -> bool:
    """Whether it is a mainland mobile number in an allocated range, with or without 86 in front.

    Digits after a decimal point are no telephone number: an expression that takes in `0.` is refused here.
    """
    if _DECIMAL.match(text):
        return False
    number = compact(text)
    if len(number) > 11:  # noqa: PLR2004 - eleven digits
        number = number.removeprefix("00").removeprefix("86")
    return len(number) == 11 and number.isdigit() and number[:3] in MOBILE_PREFIXES  # noqa: PLR2004


def landline(text: str) -> bool:
    """Whether it is a mainland fixed line: area code, then seven or eight digits that begin with 2 to 8."""
    number = compact(text)
    if not number.isdigit() or not number.startswith("0"):
        return False
    short_area = number[1:3] in LANDLINE_AREAS_2 or number.startswith("010")
    area = 3 if short_area else 4
    subscriber = number[area:]
    lengths = (8,) if short_area else (7, 8)
    return len(subscriber) in lengths and number[1] != "0" and subscriber[0] in "2345678"


def intl_phone(text: str) -> bool:
    """Whether it is a number in international form (E.164: a known country code, 8 to 15 digits).

    Freephone numbers belong to services (help lines among them), never to a person; 86 has rules of its own.
    """
    number = compact(text)
    if not number.isdigit() or not 8 <= len(number) <= 15:  # noqa: PLR2004 - E.164
        return False
    if number[0] == "1":
        return len(number) == 11 and number[1] in "23456789" and number[1:4] not in _TOLL_FREE_AREAS  # noqa: PLR2004
    known = number[0] == "7" or number[:2] in CALLING_CODES_2 or number[:2] in CALLING_CODES_3
    return known and not number.startswith(("86", "800", "808"))


def bank_card(text: str) -> bool:
    """Whether it is a payment card: issuer range, a length that this issuer uses, Luhn check digit.

    Sixteen to nineteen digits, or the fifteen of American Express.
    """
    number = compact(text)
    if not number.isdigit() or len(number) > 19:  # noqa: PLR2004 - ISO/IEC 7812
        return False
    fits = any(low <= number[: len(low)] <= high and len(number) in sizes for low, high, sizes in CARD_ISSUERS)
    return fits and luhn(number)


def credit_code_check(body: str) -> str:
    """Return the check character of the first 17 characters of a unified social credit code (GB 32100-2015)."""
    total = sum(
        weight * _CREDIT_ALPHABET.index(character) for weight, character in zip(_CREDIT_WEIGHTS, body, strict=True)
    )
    return _CREDIT_ALPHABET[(31 - total % 31) % 31]


def organisation_check(body: str) -> str:
    """Return the check character of the eight characters of an organisation code (GB 11714-1997)."""
    values = (int(character, 36) for character in body)
    total = sum(weight * value for weight, value in zip(_ORGANISATION_WEIGHTS, values, strict=True))
    return _ORGANISATION_CHECKS[(11 - total % 11) % 11]


def credit_code(text: str) -> bool:
    """Whether it is a unified social credit code: both its own check and that of the organisation code inside."""
    number = compact(text)
    if len(number) != 18 or not set(number) <= set(_CREDIT_ALPHABET):  # noqa: PLR2004 - GB 32100
        return False
    if not number[2:8].isdigit() or len(set(number)) < 4:  # noqa: PLR2004 - a row of zeros checks out as well
        return False
    return organisation_check(number[8:16]) == number[16] and credit_code_check(number[:17]) == number[17]


def passport(text: str) -> bool:
    """Whether it has the form of a Chinese passport: ordinary (E, G, EA to EZ) or official (D, S, P, DE, SE, PE)."""
    number = compact(text)
    return _PASSPORT.fullmatch(number[-9:]) is not None or _PASSPORT.fullmatch(number[-8:]) is not None


def plate(text: str) -> bool:
    """Whether a string of plate form ends like a plate: five or six characters, three digits at least (GA 36)."""
    number = compact(text)[1:]
    return len(number) in {5, 6} and sum(character.isdigit() for character in number) >= 3  # noqa: PLR2004


def iban(text: str) -> bool:
    """Whether it is an international bank account number: its country's length, MOD 97-10 (ISO 13616)."""
    number = compact(text)
    if IBAN_LENGTHS.get(number[:2]) != len(number) or not number[2:4].isdigit():
        return False
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1


def us_ssn(text: str) -> bool:
    """Whether a United States social security number could have been issued (area, group and serial rules)."""
    number = compact(text)
    if len(number) != 9 or not number.isdigit() or number in _PUBLISHED_AS_INVALID:  # noqa: PLR2004
        return False
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def public_ipv4(text: str) -> bool:
    """Whether it is an address on the public Internet; four single digits are taken for a version number."""
    try:
        address = ipaddress.IPv4Address(text.strip())
    except ValueError:
        return False
    return address.is_global and not address.is_multicast and len(text.strip()) > len("1.2.3.4")


VALIDATORS: Final[dict[str, Callable[[str], bool]]] = {
    "bank_card": bank_card,
    "credit_code": credit_code,
    "iban": iban,
    "intl_phone": intl_phone,
    "landline": landline,
    "mobile": mobile,
    "passport": passport,
    "plate": plate,
    "public_ipv4": public_ipv4,
    "resident_id": resident_id,
    "us_ssn": us_ssn,
}
