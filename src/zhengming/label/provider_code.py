"""The 27-character code of a service provider (TC260-PG-20252A) and the two check digits inside it.

    00            format code
    11            subject: organisation, bound to a unified social credit code
    18 characters the unified social credit code (GB 32100-2015); its characters 9 to 17 are the organisation code
                  (GB 11714-1997) with a check digit of its own
    5 characters  service extension: service type (1 generation, 2 propagation) and a four-character code of the
                  provider's choice; `00000` when it is not used

The code has no check digit of its own, so a mistyped one is only found through the two inside. Nothing here invents
a code: `build` composes one from the credit code that the provider holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from zhengming.core.errors import InvalidInputError

CODE_LENGTH: Final = 27
_FORMAT: Final = "00"
_ORGANISATION: Final = "11"
_NO_EXTENSION: Final = "00000"

_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_VALUES: Final = {character: value for value, character in enumerate(_CREDIT_ALPHABET)}
_CREDIT_WEIGHTS: Final = tuple(3**place % 31 for place in range(17))
_CREDIT_LENGTH: Final = 18
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)

_CHARSET = re.compile(r"[0-9A-Z]+")
_ATTEMPT = re.compile(r"00[0-9A-Z]{18,}")
_EXTENSION = re.compile(r"[0-9A-Z]{4}")


class CodeFault(StrEnum):
    """Why a code is not valid, in the order in which it is looked at; only the first is reported."""

    EMPTY = "empty"
    CHARSET = "charset"
    LENGTH = "length"
    FORMAT_CODE = "format_code"
    SERVICE_TYPE = "service_type"
    USCC_ALPHABET = "uscc_alphabet"
    USCC_CHECK_DIGIT = "uscc_check_digit"
    ORGANISATION_CHECK_DIGIT = "organisation_check_digit"


class ServiceType(StrEnum):
    """What the provider does under this code."""

    UNSPECIFIED = "unspecified"
    GENERATION = "generation"
    PROPAGATION = "propagation"


_DIGIT_OF_SERVICE: Final = {ServiceType.GENERATION: "1", ServiceType.PROPAGATION: "2"}
_SERVICE_OF_DIGIT: Final = {digit: service for service, digit in _DIGIT_OF_SERVICE.items()}


class CodeReading(NamedTuple):
    """What a code says. `fault` is None when it is valid; `uscc` is None unless the subject is an organisation.

    `warnings` holds `subject_type_unknown` for a subject other than `11`, which the public text does not describe.
    """

    code: str
    fault: CodeFault | None
    service: ServiceType | None = None
    uscc: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong with the code."""
        return self.fault is None


class ProviderCodeError(InvalidInputError):
    """A provider code cannot be used; `fault` says which check it failed."""

    code = "provider_code_invalid"

    def __init__(self, value: str, fault: CodeFault) -> None:
        super().__init__(
            f"The provider code {value[:40]!r} is not valid: {fault.value}.",
            next_step="It is 00 + 11 + your unified social credit code + five characters (00000 when unused).",
        )
        self.fault = fault


def credit_check(first17: str) -> str:
    """Return the check character of a unified social credit code (GB 32100-2015).

    `first17` holds 17 characters of its alphabet; raises KeyError for any other character.
    """
    total = sum(_CREDIT_VALUES[character] * weight for character, weight in zip(first17, _CREDIT_WEIGHTS, strict=True))
    return _CREDIT_ALPHABET[-total % 31]


def organisation_check(first8: str) -> str:
    """Return the check character of an organisation code (GB 11714-1997): a digit or `X`.

    `first8` holds eight digits or Latin capitals.
    """
    pairs = zip(first8, _ORGANISATION_WEIGHTS, strict=True)
    return "0123456789X"[-sum(int(character, 36) * weight for character, weight in pairs) % 11]


def credit_fault(uscc: str) -> CodeFault | None:
    """Return what is wrong with a unified social credit code, None when nothing is."""
    if len(uscc) != _CREDIT_LENGTH:
        return CodeFault.LENGTH
    if any(character not in _CREDIT_VALUES for character in uscc):
        return CodeFault.USCC_ALPHABET
    if credit_check(uscc[:17]) != uscc[17]:
        return CodeFault.USCC_CHECK_DIGIT
    if organisation_check(uscc[8:16]) != uscc[16]:
        return CodeFault.ORGANISATION_CHECK_DIGIT
    return None


def looks_like_code(value: str) -> bool:
    """Whether a value of a label is meant as a code rather than as a name.

    True for `00` and at least 18 further digits or capitals, so that a code with a character lost still counts.
    """
    return _ATTEMPT.fullmatch(value) is not None


def read(code: str) -> CodeReading:
    """Read a code and check everything that can be checked without a register; never raises."""
    fault = next(_shape_faults(code), None)
    if fault is not None:
        return CodeReading(code, fault)
    service = ServiceType.UNSPECIFIED if code[22:] == _NO_EXTENSION else _SERVICE_OF_DIGIT[code[22]]
    if code[2:4] != _ORGANISATION:
        return CodeReading(code, None, service, None, ("subject_type_unknown",))
    uscc = code[4:22]
    fault = credit_fault(uscc)
    return CodeReading(code, fault, service, uscc)


def _shape_faults(code: str) -> Iterator[CodeFault]:
    """Yield what is wrong with the frame of a code, in the order of :class:`CodeFault`."""
    if not code:
        yield CodeFault.EMPTY
    if not _CHARSET.fullmatch(code):
        yield CodeFault.CHARSET
    if len(code) != CODE_LENGTH:
        yield CodeFault.LENGTH
    if not code.startswith(_FORMAT):
        yield CodeFault.FORMAT_CODE
    if code[22:] != _NO_EXTENSION and code[22] not in _SERVICE_OF_DIGIT:
        yield CodeFault.SERVICE_TYPE


def parse(code: str) -> CodeReading:
    """Read a code that must be valid; raises ProviderCodeError with the first fault otherwise."""
    reading = read(code)
    if reading.fault is not None:
        raise ProviderCodeError(code, reading.fault)
    return reading


def build(uscc: str, service: ServiceType = ServiceType.UNSPECIFIED, extension: str = "") -> str:
    """Compose the code of an organisation from its unified social credit code.

    `extension` is four digits or capitals that the provider chooses for a model or application; it is needed with a
    service type and refused without one. Raises ProviderCodeError for a wrong credit code, InvalidInputError for a
    wrong extension.
    """
    fault = CodeFault.EMPTY if not uscc else credit_fault(uscc)
    if fault is not None:
        raise ProviderCodeError(uscc, fault)
    if service is ServiceType.UNSPECIFIED:
        if extension:
            message = f"The extension {extension[:20]!r} has no service type."
            raise InvalidInputError(message, next_step="Give generation or propagation, or leave the extension out.")
        return _FORMAT + _ORGANISATION + uscc + _NO_EXTENSION
    if not _EXTENSION.fullmatch(extension):
        message = f"The extension {extension[:20]!r} is not four digits or Latin capitals."
        raise InvalidInputError(message, next_step="Choose four, such as A001, for the model or application.")
    return _FORMAT + _ORGANISATION + uscc + _DIGIT_OF_SERVICE[service] + extension
