"""Reading an implicit label that somebody else wrote: verdict, faults, remarks. Safe on hostile input.

Both envelopes are accepted in any slot: the seven keys directly, or under `AIGC`. Work and memory are bounded by
:data:`~zhengming.label.aigc.MAX_BYTES` and :data:`MAX_DEPTH`, looked at before anything is parsed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from enum import StrEnum
from typing import Any, Final, NamedTuple, NoReturn

from zhengming.core.i18n import translate
from zhengming.label import provider_code
from zhengming.label.aigc import KEYS, MAX_BYTES, TIERS, AigcFields

MAX_DEPTH: Final = 64

# Every token that matters for depth. The possessive body and the optional closing quote keep this linear on any input.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_KNOWN: Final = frozenset(KEYS)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_WRITABLE = re.compile(r"[!-\[\]-~]*")
_NOT_A_STRING: Final = object()


class LabelVerdict(StrEnum):
    """What a reader concludes about a label, or about the whole file that should carry one."""

    COMPLIANT = "compliant"
    NONCOMPLIANT = "noncompliant"
    NOT_FOUND = "not_found"
    INCONCLUSIVE = "inconclusive"


class LabelFault(StrEnum):
    """What is wrong with a label; each makes it noncompliant."""

    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    DOUBLE_ENCODED = "double_encoded"
    EMPTY_SHELL = "empty_shell"
    DUPLICATE_KEY = "duplicate_key"
    FIELD_MISSING = "field_missing"
    FIELD_EMPTY = "field_empty"
    UNKNOWN_FIELD = "unknown_field"
    TYPE_INVALID = "type_invalid"
    LABEL_ENUM_INVALID = "label_enum_invalid"
    CHARSET_INVALID = "charset_invalid"
    PROPAGATOR_MISSING = "propagator_missing"
    PROPAGATE_ID_MISSING = "propagate_id_missing"


class LabelRemark(StrEnum):
    """What is worth saying about a label that is no fault."""

    KEY_ORDER = "key_order"
    ENVELOPE_EXTRA_KEY = "envelope_extra_key"
    CHARSET_WIDE = "charset_wide"
    PRODUCER_IS_A_NAME = "producer_is_a_name"
    PRODUCER_CODE_INVALID = "producer_code_invalid"
    PRODUCER_UNKNOWN = "producer_unknown"
    PROPAGATION_EMPTY = "propagation_empty"


class AigcReading(NamedTuple):
    """What was read. `faults` and `warnings` are sorted and hold each code once.

    `fields` is None unless all seven keys stood there as strings; it may be given for a noncompliant label too.
    """

    verdict: LabelVerdict
    faults: tuple[LabelFault, ...]
    warnings: tuple[LabelRemark, ...]
    fields: AigcFields | None


class _Findings:
    """Collects faults and remarks while a label is looked at."""

    def __init__(self) -> None:
        self.faults: set[LabelFault] = set()
        self.remarks: set[LabelRemark] = set()

    def reading(self, fields: AigcFields | None = None) -> AigcReading:
        verdict = LabelVerdict.NONCOMPLIANT if self.faults else LabelVerdict.COMPLIANT
        return AigcReading(verdict, tuple(sorted(self.faults)), tuple(sorted(self.remarks)), fields)


class _FaultError(Exception):
    """Reading cannot go on after this fault."""

    def __init__(self, fault: LabelFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def read(raw: str | bytes, *, strict: bool = False) -> AigcReading:
    """Judge the string found in a metadata slot; never raises, whatever the input.

    `strict` makes printable characters outside 0x21-0x7E a fault (`charset_invalid`) in place of a warning: the
    standard says that values "should mainly" consist of that range (Annex E j).
    """
    findings = _Findings()
    try:
        found = _unwrap(_parse(_bounded_text(raw), findings), findings)
    except _FaultError as stop:
        findings.faults.add(stop.fault)
        return findings.reading()
    return _judge(found, findings, strict=strict)


def explain(code: LabelFault | LabelRemark, language: str) -> str:
    """Return one sentence for people that says what a fault or remark means."""
    return translate("label", f"{'fault' if isinstance(code, LabelFault) else 'remark'}.{code.value}", language)


def _bounded_text(raw: str | bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise _FaultError(LabelFault.TOO_LARGE)
    if isinstance(raw, bytes):
        try:
            raw = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise _FaultError(LabelFault.NOT_JSON) from None
    elif len(raw.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _FaultError(LabelFault.TOO_LARGE)
    if not raw.strip():
        raise _FaultError(LabelFault.EMPTY_SHELL)
    return raw


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token.group()[0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _FaultError(LabelFault.TOO_DEEP)
        elif first in "]}":
            depth -= 1


def _refuse(_constant: str) -> NoReturn:
    raise _FaultError(LabelFault.NOT_JSON)  # NaN and Infinity are no JSON


def _parse(text: str, findings: _Findings) -> Any:
    """Parse without ever converting a number: their value does not matter, and a long one costs quadratic time."""
    _check_depth(text)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) < len(items):
            findings.faults.add(LabelFault.DUPLICATE_KEY)
        return made

    decoder = json.JSONDecoder(
        object_pairs_hook=pairs,
        parse_int=lambda _digits: _NOT_A_STRING,
        parse_float=lambda _digits: _NOT_A_STRING,
        parse_constant=_refuse,
    )
    try:
        return decoder.decode(text)
    except json.JSONDecodeError:
        raise _FaultError(LabelFault.NOT_JSON) from None


def _unwrap(value: Any, findings: _Findings) -> dict[str, Any]:
    """Return the object that should hold the seven keys."""
    if isinstance(value, dict) and "AIGC" in value and _KNOWN.isdisjoint(value):
        if len(value) > 1:
            findings.remarks.add(LabelRemark.ENVELOPE_EXTRA_KEY)
        value = value["AIGC"]
    if isinstance(value, str) and value:
        raise _FaultError(LabelFault.DOUBLE_ENCODED if _holds_object(value) else LabelFault.NOT_AN_OBJECT)
    if not isinstance(value, dict) and value != "":
        raise _FaultError(LabelFault.NOT_AN_OBJECT)
    fields: dict[str, Any] = value or {}
    if all(part == "" for part in fields.values()):
        raise _FaultError(LabelFault.EMPTY_SHELL)
    return fields


def _holds_object(text: str) -> bool:
    try:
        return isinstance(_parse(text, _Findings()), dict)
    except _FaultError:
        return False


def _judge(found: dict[str, Any], findings: _Findings, *, strict: bool) -> AigcReading:
    _judge_keys(found, findings)
    values = {key: found[key] for key in KEYS if key in found}
    _judge_types(values, findings)
    texts = {key: value for key, value in values.items() if isinstance(value, str)}
    for key, value in texts.items():
        if key != "Label":
            _judge_charset(value, findings, strict=strict)
    _judge_production(texts, findings)
    _judge_propagation(texts, findings)
    complete = len(texts) == len(KEYS)
    return findings.reading(AigcFields(*(texts[key] for key in KEYS)) if complete else None)


def _judge_keys(found: dict[str, Any], findings: _Findings) -> None:
    known = [key for key in found if key in _KNOWN]
    if len(known) < len(KEYS):
        findings.faults.add(LabelFault.FIELD_MISSING)
    if len(known) < len(found):
        findings.faults.add(LabelFault.UNKNOWN_FIELD)
    if known != [key for key in KEYS if key in found]:
        findings.remarks.add(LabelRemark.KEY_ORDER)


def _judge_types(values: dict[str, Any], findings: _Findings) -> None:
    for key, value in values.items():
        if key == "Label":
            if value != "" and (not isinstance(value, str) or value not in TIERS):
                findings.faults.add(LabelFault.LABEL_ENUM_INVALID)
        elif not isinstance(value, str):
            findings.faults.add(LabelFault.TYPE_INVALID)


def _judge_charset(value: str, findings: _Findings, *, strict: bool) -> None:
    if _WRITABLE.fullmatch(value):
        return
    forbidden = "\\" in value or any(unicodedata.category(character) in _INVISIBLE for character in value)
    if forbidden or strict:
        findings.faults.add(LabelFault.CHARSET_INVALID)
    else:
        findings.remarks.add(LabelRemark.CHARSET_WIDE)


def _judge_production(texts: dict[str, str], findings: _Findings) -> None:
    """Judge who made it. A platform that suspects (tier 2 or 3) may not know the producer, if it names itself."""
    empty = {key for key in ("Label", "ContentProducer", "ProduceID") if texts.get(key) == ""}
    by_platform = texts.get("Label") in {"2", "3"} and bool(texts.get("ContentPropagator"))
    if empty and by_platform:
        findings.remarks.add(LabelRemark.PRODUCER_UNKNOWN)
    elif empty:
        findings.faults.add(LabelFault.FIELD_EMPTY)
    producer = texts.get("ContentProducer")
    if not producer:
        return
    if not provider_code.looks_like_code(producer):
        findings.remarks.add(LabelRemark.PRODUCER_IS_A_NAME)
    elif not provider_code.read(producer).valid:
        findings.remarks.add(LabelRemark.PRODUCER_CODE_INVALID)


def _judge_propagation(texts: dict[str, str], findings: _Findings) -> None:
    propagator, number = texts.get("ContentPropagator"), texts.get("PropagateID")
    if propagator is None or number is None or (propagator and number):
        return
    if propagator:
        findings.faults.add(LabelFault.PROPAGATE_ID_MISSING)
    elif number:
        findings.faults.add(LabelFault.PROPAGATOR_MISSING)
    else:
        findings.remarks.add(LabelRemark.PROPAGATION_EMPTY)
