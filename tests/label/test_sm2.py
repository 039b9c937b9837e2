"""SM2 against the published example, and against gmalg in both directions."""

from __future__ import annotations

import gmalg  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.label import sm2

# GB/T 32918.5-2017, A.2: the example on the recommended curve.
SECRET = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
NONCE = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
X = 0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020
Y = 0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13
DIGEST = bytes.fromhex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640")
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA

KEY = sm2.PrivateKey(SECRET)
PUBLIC = sm2.PublicKey(sm2.Point(X, Y))
secrets = st.integers(1, sm2.N - 2)


def test_the_example_of_the_standard_is_met_in_every_step() -> None:
    assert KEY.public() == PUBLIC
    assert sm2.message_digest(PUBLIC, b"message digest") == DIGEST
    assert sm2.DEFAULT_ENGINE.sign(SECRET, DIGEST, NONCE) == (R, S)
    assert sm2.verify(PUBLIC, b"message digest", encode_dss_signature(R, S))


def test_sm3_meets_the_example_of_its_standard() -> None:
    assert sm2.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@settings(max_examples=15, deadline=None)
@given(secrets, st.binary(max_size=200))
def test_gmalg_accepts_what_we_sign_and_we_accept_what_gmalg_signs(secret: int, message: bytes) -> None:
    key = sm2.PrivateKey(secret)
    public = key.public()
    oracle = gmalg.SM2(secret.to_bytes(32, "big"), sm2.USER_ID, public.uncompressed())
    r, s = decode_dss_signature(sm2.sign(key, message))
    assert oracle.verify(message, r.to_bytes(32, "big"), s.to_bytes(32, "big"))
    theirs = encode_dss_signature(*(int.from_bytes(part, "big") for part in oracle.sign(message)))
    assert sm2.verify(public, message, theirs)
    assert not sm2.verify(public, message + b"!", theirs)


def test_signing_draws_nothing_and_repeats_itself_unless_extra_is_given() -> None:
    once = sm2.sign(KEY, b"x")
    assert once == sm2.sign(KEY, b"x")
    other = sm2.sign(KEY, b"x", extra=b"drawn by the caller")
    assert other != once
    assert decode_dss_signature(other)[0] != decode_dss_signature(once)[0]
    assert decode_dss_signature(sm2.sign(KEY, b"y"))[0] != decode_dss_signature(once)[0]
    assert sm2.verify(PUBLIC, b"x", other)


def test_another_user_id_is_another_signature() -> None:
    assert not sm2.verify(PUBLIC, b"x", sm2.sign(KEY, b"x", user_id=b"somebody"))


@pytest.mark.parametrize("data", [PUBLIC.spki(), PUBLIC.uncompressed(), b"\x03" + X.to_bytes(32, "big")])
def test_a_key_is_read_however_it_is_spelled(data: bytes) -> None:
    assert sm2.point_from(data) == PUBLIC
    assert sm2.point_in_certificate(b"0\x82..." + PUBLIC.spki() + b"...") == PUBLIC


def test_a_bare_x_stands_for_two_keys() -> None:
    both = sm2.points_of_x(X)
    assert PUBLIC in both
    assert both[0].point.y % 2 == 0
    assert both[0].point.y + both[1].point.y == sm2.P
    assert sm2.points_of_x(sm2.P) == ()


def test_a_point_beside_the_curve_is_no_key() -> None:
    with pytest.raises(InvalidInputError, match="not a point of the curve"):
        sm2.PublicKey(sm2.Point(X, Y + 1))
    assert sm2.point_from(b"\x04" + bytes(64)) is None


@given(st.binary(max_size=120))
def test_whatever_is_given_as_a_key_or_a_signature_gets_an_answer(data: bytes) -> None:
    sm2.point_from(data)
    sm2.point_in_certificate(data)
    assert not sm2.verify(PUBLIC, b"x", data)


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (sm2.N, 1), (1, sm2.N), (1, sm2.N - 1), (1 << 4000, 1), (R, S + sm2.N), (R + sm2.N, S)]
)
def test_numbers_out_of_range_are_no_signature(r: int, s: int) -> None:
    assert not sm2.verify(PUBLIC, b"message digest", encode_dss_signature(r, s))


def test_a_sum_at_infinity_is_no_signature() -> None:
    """With s = -t times the secret the two products cancel; the arithmetic below has no answer for that."""
    s = 12345
    t = (-s * pow(SECRET, -1, sm2.N)) % sm2.N
    assert not sm2.verify(PUBLIC, b"x", encode_dss_signature((t - s) % sm2.N, s))


@given(secrets)
def test_a_private_key_does_not_show(secret: int) -> None:
    key = sm2.PrivateKey(secret)
    assert str(secret) not in repr(key)
    assert sm2.PrivateKey.from_hex(f"{secret:064X}") == key


@pytest.mark.parametrize("text", ["", "12", "g" * 64, "0" * 64, f"{sm2.N - 1:064x}"])
def test_a_wrong_private_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="private key"):
        sm2.PrivateKey.from_hex(text)
