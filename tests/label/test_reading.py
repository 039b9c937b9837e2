"""Labels that others wrote: every fault by name, and no input that harms the reader."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label.aigc import KEYS, first_write
from zhengming.label.reading import MAX_DEPTH, LabelFault, LabelRemark, LabelVerdict, explain, read

PRODUCER = "001191999999GUJ65RGF1M1A001"
GOOD: dict[str, Any] = json.loads(first_write(PRODUCER, "id-1").to_json())


def written(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        ("   ", ["empty_shell"]),
        ('{"AIGC":{}}', ["empty_shell"]),
        ('{"AIGC":""}', ["empty_shell"]),
        (json.dumps(dict.fromkeys(KEYS, "")), ["empty_shell"]),
        ("null", ["not_an_object"]),
        ("7", ["not_an_object"]),
        ('"AI"', ["not_an_object"]),
        ('{"AIGC":null}', ["not_an_object"]),
        ('{"AIGC":[]}', ["not_an_object"]),
        (json.dumps(written()), ["double_encoded"]),
        ("NaN", ["not_json"]),
        (written() + "x", ["not_json"]),
        ("\ufeff" + written(), ["not_json"]),
        (written(AIGC={}), ["unknown_field"]),
        (written(Label=None), ["label_enum_invalid"]),
        (written(Label="１"), ["label_enum_invalid"]),
        (written(Label=["1"]), ["label_enum_invalid"]),
        (written(ProduceID={"a": 1}), ["type_invalid"]),
        (written(ProduceID="a\u200bb"), ["charset_invalid"]),
        (written(ProduceID="a\u202eb"), ["charset_invalid"]),
        (written(ReservedCode2="a\x85b"), ["charset_invalid"]),
        ('{"Label":"1","Label":"2"}', ["duplicate_key", "field_missing"]),
        (written(Label="2", ContentProducer="", ContentPropagator="", PropagateID=""), ["field_empty"]),
        (written(Label="", ProduceID=""), ["field_empty"]),
    ],
)
def test_the_exact_faults_of_a_bad_label(raw: str, faults: list[str]) -> None:
    reading = read(raw)
    assert list(reading.faults) == faults
    assert reading.verdict is LabelVerdict.NONCOMPLIANT


@pytest.mark.parametrize(
    ("raw", "remarks"),
    [
        (written(), []),
        (written(ProduceID="编号\u3000一"), ["charset_wide"]),
        (written(ContentPropagator="", PropagateID=""), ["propagation_empty"]),
        (written(Label="3", ProduceID=""), ["producer_unknown"]),
        (written(ContentProducer=PRODUCER[:-1]), ["producer_code_invalid"]),
    ],
)
def test_the_exact_remarks_on_a_label_that_passes(raw: str, remarks: list[str]) -> None:
    reading = read(raw)
    assert (reading.verdict, list(reading.warnings)) == (LabelVerdict.COMPLIANT, remarks)


def test_wide_characters_are_a_fault_only_strictly() -> None:
    raw = written(ProduceID="编号")
    assert read(raw).warnings == (LabelRemark.CHARSET_WIDE,)
    assert read(raw, strict=True).faults == (LabelFault.CHARSET_INVALID,)
    assert read(raw, strict=True).warnings == ()


def test_fields_are_given_for_a_noncompliant_label_that_has_all_seven() -> None:
    reading = read(written(Label="4"))
    assert reading.fields is not None
    assert reading.fields.label == "4"
    assert read(written(ProduceID=1)).fields is None


@pytest.mark.parametrize(("depth", "fault"), [(MAX_DEPTH, "not_an_object"), (MAX_DEPTH + 1, "too_deep")])
def test_nesting_is_bounded(depth: int, fault: str) -> None:
    assert read("[" * depth + "]" * depth).faults == (fault,)


def test_brackets_inside_strings_are_no_nesting() -> None:
    assert read(written(ReservedCode1="[" * 500)).verdict is LabelVerdict.COMPLIANT


@pytest.mark.parametrize(("size", "too_large"), [(65_536, False), (65_537, True)])
def test_size_is_bounded_in_bytes(size: int, too_large: bool) -> None:
    raw = written(ReservedCode1="")
    filled = written(ReservedCode1="A" * (size - len(raw)))
    assert (read(filled).faults == (LabelFault.TOO_LARGE,)) is too_large
    wide = "界" * (size // 3 + 1)
    assert read(wide).faults == (LabelFault.TOO_LARGE,)


@pytest.mark.parametrize(
    "raw",
    [
        '\\"' * 32_000,
        '"\\' * 32_000,
        '"' * 65_000,
        "[" * 65_000,
        '{"a":' * 13_000,
        "1" * 65_000,
        '{"Label":' + "9" * 60_000 + "}",
        '{"Label":1e' + "9" * 60_000 + "}",
        "\ud800" * 20_000,
        '{"' + "k" * 60_000 + '":1}',
        "{" + ",".join(f'"{number}":{number}' for number in range(6_000)) + "}",
        "\\u0000" * 10_000,
    ],
)
def test_a_hostile_label_is_refused_at_once(raw: str) -> None:
    started = time.process_time()
    assert read(raw).faults
    assert time.process_time() - started < 1.0


def test_bytes_that_are_no_utf8_are_no_json() -> None:
    assert read(b"\xff\xfe{}").faults == (LabelFault.NOT_JSON,)


@settings(max_examples=300)
@given(st.text() | st.binary())
def test_reading_never_raises(raw: str | bytes) -> None:
    reading = read(raw)
    assert (reading.verdict is LabelVerdict.COMPLIANT) is (reading.faults == ())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["AIGC", *KEYS]), inner, max_size=7),
    max_leaves=12,
)


@settings(max_examples=300)
@given(json_values)
def test_reading_never_raises_on_json_of_the_right_keys(value: Any) -> None:
    reading = read(json.dumps(value))
    assert (reading.verdict is LabelVerdict.COMPLIANT) is (reading.faults == ())
    if reading.verdict is LabelVerdict.COMPLIANT:
        assert reading.fields is not None


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("code", [*LabelFault, *LabelRemark])
def test_every_code_is_explained_in_both_languages(code: LabelFault | LabelRemark, language: str) -> None:
    assert len(explain(code, language)) > 10
