"""`SecurityData`: what we write, what others wrote, and what nobody should have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.label import reading as label_reading
from zhengming.label import security_data, sm2
from zhengming.label.aigc import AigcFields, first_write, propagated
from zhengming.label.security_data import ContentBinding, Part
from zhengming.label.security_reading import MAX_BRACKETS, SecurityReading, SecurityRemark, SecurityVerdict, read

PRODUCER = "001191999999GUJ65RGF1M1A001"
PLATFORM = "001191999999LKR53E944J2P001"
NUMBER = "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11"
KEY = sm2.PrivateKey(0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8)
OTHER = sm2.PrivateKey(0x1234567890ABCDEF)
PLAIN = first_write(PRODUCER, NUMBER)
SIGNED = security_data.signed(PLAIN, KEY)
HASH = sm2.sm3(b"the picture")
BOUND = security_data.signed(PLAIN, KEY, bindings=[ContentBinding("payload", HASH)])


def changed(fields: AigcFields, change: Callable[[dict[str, Any]], object]) -> AigcFields:
    """Return the fields after `change` was done to what stands in `SecurityData`."""
    whole = json.loads(fields.reserved_code1)
    change(whole["SecurityData"])
    return replace(fields, reserved_code1=json.dumps(whole, separators=(",", ":")))


def test_the_signed_message_is_that_of_annex_a() -> None:
    wanted = f'"Label":"1","ContentProducer":"{PRODUCER}","ProduceID":"{NUMBER}"'
    assert security_data.message(PLAIN) == wanted.encode()


def test_a_signed_label_fits_annex_e_and_is_read_back_intact() -> None:
    written = SIGNED.to_json()
    assert all(0x21 <= byte <= 0x7E for byte in written)
    assert rb'"ReservedCode1":"{\"SecurityData\":{\"Type\":\"TC260PG\",\"Version\":1,' in written
    found = label_reading.read(written, strict=True)
    assert (found.verdict, found.fields) == (label_reading.LabelVerdict.COMPLIANT, SIGNED)
    assert found.fields is not None
    assert read(found.fields) == SecurityReading(SecurityVerdict.INTACT, (), KEY.public())


def test_only_a_key_known_before_says_who_signed() -> None:
    assert read(SIGNED, pinned=[KEY.public()]).verdict is SecurityVerdict.INTACT_AND_PINNED
    stranger = read(SIGNED, pinned=[OTHER.public()])
    assert (stranger.verdict, stranger.remarks) == (SecurityVerdict.INTACT, (SecurityRemark.KEY_NOT_PINNED,))


@pytest.mark.parametrize("field", ["label", "content_producer", "produce_id"])
def test_a_changed_field_breaks_the_signature(field: str) -> None:
    assert read(replace(SIGNED, **{field: "2"})).verdict is SecurityVerdict.BROKEN


def test_a_platform_leaves_the_producers_signature_whole_and_adds_its_own() -> None:
    fields = security_data.signed(propagated(SIGNED, PLATFORM, "post-1"), OTHER, Part.PROPAGATION)
    assert read(fields).key == KEY.public()
    assert read(fields, Part.PROPAGATION).key == OTHER.public()
    moved = read(replace(fields, propagate_id="post-2"), Part.PROPAGATION)
    assert (moved.verdict, moved.remarks) == (SecurityVerdict.UNSUPPORTED, (SecurityRemark.MESSAGE_UNCERTAIN,))


def test_a_signature_over_the_hash_of_the_message_is_accepted_and_named() -> None:
    fields = replace(PLAIN, reserved_code1=security_data.build(PLAIN, KEY, prehash=True))
    found = read(fields)
    assert (found.verdict, found.remarks) == (SecurityVerdict.INTACT, (SecurityRemark.MESSAGE_PREHASHED,))


X, Y = KEY.public().point


@pytest.mark.parametrize(
    ("value", "remark"),
    [
        (f"04{X:064x}{Y:064x}", SecurityRemark.KEY_UNCOMPRESSED),
        (f"{X:064X}", SecurityRemark.KEY_BARE_X),
        (f"{2 + Y % 2:02x}{X:064x}", SecurityRemark.KEY_COMPRESSED),
        ("3082" + "00" * 9 + KEY.public().spki().hex() + "00" * 9, SecurityRemark.CERTIFICATE_CHAIN_UNCHECKED),
    ],
)
def test_every_form_of_a_key_is_accepted_and_named(value: str, remark: SecurityRemark) -> None:
    found = read(changed(SIGNED, lambda data: data["PubSD"][1].update(KeyValue=value)))
    assert (found.verdict, found.remarks, found.key) == (SecurityVerdict.INTACT, (remark,), KEY.public())


def _rename(data: dict[str, Any]) -> None:
    data["PubSd"] = data.pop("PubSD")


def _raw(data: dict[str, Any]) -> None:
    r, s = decode_dss_signature(bytes.fromhex(data["PubSD"][0]["Signature"]))
    data["PubSD"][0]["Signature"] = f"{r:064x}{s:064x}"


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (_rename, SecurityRemark.SPELLING_PUBSD),
        (lambda data: data["PubSD"][0]["TBSData"].update(Type="LabelMataData"), SecurityRemark.SPELLING_METADATA),
        (_raw, SecurityRemark.SIGNATURE_RAW),
        (lambda data: data.update(Version=2), SecurityRemark.VERSION_UNKNOWN),
        (lambda data: data.update(Type="Other"), SecurityRemark.TYPE_UNKNOWN),
        (lambda data: data.update(PrivSD=["0011"]), SecurityRemark.PRIVATE_PART_NOT_READ),
    ],
)
def test_a_spelling_met_in_the_wild_is_accepted_and_named(
    change: Callable[[dict[str, Any]], object], remark: SecurityRemark
) -> None:
    found = read(changed(SIGNED, change))
    assert (found.verdict, found.remarks) == (SecurityVerdict.INTACT, (remark,))


def test_a_key_id_may_be_left_out() -> None:
    found = read(changed(SIGNED, lambda data: [entry.pop("KeyID") for entry in data["PubSD"]]))
    assert found == SecurityReading(SecurityVerdict.INTACT, (), KEY.public())


def test_the_envelope_may_be_missing() -> None:
    bare = json.dumps(json.loads(SIGNED.reserved_code1)["SecurityData"])
    found = read(replace(PLAIN, reserved_code1=bare))
    assert (found.verdict, found.remarks) == (SecurityVerdict.INTACT, (SecurityRemark.ENVELOPE_MISSING,))


def test_a_pinned_key_serves_where_none_is_embedded() -> None:
    without = changed(SIGNED, lambda data: data["PubSD"].pop())
    assert read(without).remarks == (SecurityRemark.KEY_MISSING,)
    assert read(without).verdict is SecurityVerdict.UNSUPPORTED
    assert read(without, pinned=[OTHER.public(), KEY.public()]).verdict is SecurityVerdict.INTACT_AND_PINNED
    assert read(without, pinned=[OTHER.public()]).verdict is SecurityVerdict.BROKEN


def test_an_algorithm_that_we_lack_is_unsupported_not_broken() -> None:
    rsa = changed(SIGNED, lambda data: [entry.update(AlgID="1.2.840.113549.1.1.11") for entry in data["PubSD"]])
    assert read(rsa) == SecurityReading(SecurityVerdict.UNSUPPORTED, (SecurityRemark.ALGORITHM_UNSUPPORTED,))


def test_signed_content_is_compared() -> None:
    assert read(BOUND, content=[HASH]).bound == ("payload",)
    assert read(BOUND, content=[HASH]).verdict is SecurityVerdict.INTACT
    assert read(BOUND, content=[sm2.sm3(b"another picture")]).verdict is SecurityVerdict.BROKEN
    assert read(BOUND).remarks == (SecurityRemark.BINDING_UNCHECKED,)


def test_a_hash_that_was_exchanged_after_signing_binds_nothing() -> None:
    forged = sm2.sm3(b"another picture")
    fields = changed(BOUND, lambda data: data["Bindings"][0].update(HashValue=forged.hex()))
    found = read(fields, content=[forged])
    assert (found.bound, found.remarks) == ((), (SecurityRemark.BINDING_UNCONFIRMED,))


def test_a_binding_that_another_key_signed_binds_nothing() -> None:
    forged = sm2.sm3(b"another picture")
    theirs = security_data.signed(PLAIN, OTHER, bindings=[ContentBinding("payload", forged)])
    parts = json.loads(theirs.reserved_code1)["SecurityData"]

    def exchange(data: dict[str, Any]) -> None:
        data["Bindings"] = parts["Bindings"]
        data["PubSD"] += [entry | {"KeyID": 1} for entry in parts["PubSD"][1:]]

    found = read(changed(SIGNED, exchange), pinned=[KEY.public()], content=[forged])
    assert (found.bound, found.verdict) == ((), SecurityVerdict.INTACT_AND_PINNED)
    assert found.remarks == (SecurityRemark.BINDING_UNCONFIRMED,)


def test_a_binding_without_a_signature_is_named() -> None:
    fields = changed(SIGNED, lambda data: data["Bindings"].append({"CntSel": "all"}))
    assert read(fields, content=[HASH]).remarks == (SecurityRemark.BINDING_UNCONFIRMED,)


@pytest.mark.parametrize("binding", [ContentBinding("", HASH), ContentBinding("a b", HASH), ContentBinding("a", b"1")])
def test_a_binding_that_may_not_be_written_is_refused(binding: ContentBinding) -> None:
    with pytest.raises(InvalidInputError, match="binding"):
        security_data.build(PLAIN, KEY, bindings=[binding])


def test_security_data_without_a_signature_says_so() -> None:
    empty = '{"SecurityData":{"Type":"TC260PG","Version":1,"PubSD":[]}}'
    found = read(replace(PLAIN, reserved_code1=empty))
    assert found == SecurityReading(SecurityVerdict.UNSUPPORTED, (SecurityRemark.UNSIGNED,))


@pytest.mark.parametrize("value", ["", NUMBER, "q83vEjRWeJA=", '{"a":1}', "0123456789abcdef0123456789abcdef"])
def test_an_opaque_value_is_no_security_data(value: str) -> None:
    assert read(replace(PLAIN, reserved_code1=value)) == SecurityReading(SecurityVerdict.ABSENT)


@pytest.mark.parametrize(
    "value",
    [
        "SecurityData",
        '{"SecurityData":1}',
        '{"SecurityData":{"PubSD":1}}',
        '{"SecurityData":{"PubSD":[1]}}',
        '{"SecurityData":{"PubSD":[{"Type":"DS"}]}}',
        '{"SecurityData":{"PubSD":[{"KeyValue":"xyz"}]}}',
        '{"SecurityData":{"Version":' + "9" * 5000 + "}}",
        '{"SecurityData":{"Version":1e9}}',
        '{"SecurityData":' + "[" * (MAX_BRACKETS + 1),
        '{"SecurityData":"' + "x" * 70_000 + '"}',
        '{"SecurityData":{"PubSD":[' + ",".join(["{}"] * 100) + "]}}",
    ],
)
def test_what_cannot_be_read_is_malformed(value: str) -> None:
    assert read(replace(PLAIN, reserved_code1=value)).verdict is SecurityVerdict.MALFORMED


def test_the_signatures_tried_are_bounded() -> None:
    tried: list[int] = []

    class Counting(sm2.SnowlandEngine):
        def verify(self, public: sm2.Point, digest: bytes, r: int, s: int) -> bool:
            tried.append(r)
            return False

    fields = changed(SIGNED, lambda data: data["PubSD"].extend([data["PubSD"][0]] * 60))
    assert read(fields, engine=Counting()).verdict is SecurityVerdict.BROKEN
    assert len(tried) == 32


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["DS", "Md", "Bnd", "00", "04"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["PubSD", "Type", "AlgID", "KeyID", "KeyValue", "TBSData", "Signature", "Bindings", "Index"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(json_values, st.sampled_from(["PubSD", "Bindings", "PrivSD", "Version", "Type"]))
def test_whatever_stands_there_gets_an_answer(value: Any, place: str) -> None:
    def put(data: dict[str, Any]) -> None:
        data[place] = value

    assert isinstance(read(changed(BOUND, put), content=[HASH]), SecurityReading)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.integers(0, len(SIGNED.reserved_code1)))
def test_a_garbled_text_gets_an_answer(garbage: str, at: int) -> None:
    text = SIGNED.reserved_code1[:at] + garbage + SIGNED.reserved_code1[at + 1 :]
    assert isinstance(read(replace(SIGNED, reserved_code1=text)), SecurityReading)
