"""Manifests: signed, judged, changed, run out, and refused."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from socket import socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zhengming.core.errors import InvalidInputError
from zhengming.provenance import development
from zhengming.provenance.c2pa import (
    DigitalSourceType,
    ManifestReading,
    ManifestSigningError,
    ManifestState,
    sign,
    supports,
    verify,
)
from zhengming.provenance.development import DevelopmentIdentity, issue

# A 64 by 48 picture signed as below with a certificate that ran out two seconds later, in November 2026.
EXPIRED = (Path(__file__).parent / "expired.jpg").read_bytes()
TYPES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


def picture(kind: str) -> bytes:
    made = io.BytesIO()
    Image.effect_noise((40, 30), 90).convert("RGB").save(made, kind)
    return made.getvalue()


PICTURES = {media_type: picture(kind) for media_type, kind in TYPES.items()}


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


@pytest.fixture(scope="module")
def identity() -> DevelopmentIdentity:
    return issue(datetime.now(UTC))


@pytest.fixture(scope="module")
def signed(identity: DevelopmentIdentity) -> dict[str, bytes]:
    return {kind: sign(data, kind, identity.chain, identity.key) for kind, data in PICTURES.items()}


@pytest.mark.parametrize("media_type", TYPES)
def test_a_signed_picture_is_trusted_by_who_knows_the_root_and_valid_to_everybody(
    media_type: str, signed: dict[str, bytes], identity: DevelopmentIdentity
) -> None:
    stranger = verify(signed[media_type], media_type)
    assert stranger.state is ManifestState.VALID_UNKNOWN_SIGNER
    assert stranger.failures == ("signingCredential.untrusted",)
    known = verify(signed[media_type], media_type, identity.root)
    assert known == ManifestReading(
        ManifestState.VALID_TRUSTED,
        signer="Zhengming development signer",
        organisation="Zhengming development",
        generator="Zhengming",
        actions=("c2pa.created",),
        source_types=(DigitalSourceType.GENERATED.value,),
    )
    elsewhere = verify(signed[media_type], media_type, issue(datetime.now(UTC)).root)
    assert elsewhere.state is ManifestState.VALID_UNKNOWN_SIGNER


@pytest.mark.parametrize("media_type", TYPES)
def test_a_manifest_leaves_the_pixels_alone_and_stays_small(media_type: str, signed: dict[str, bytes]) -> None:
    before, after = PICTURES[media_type], signed[media_type]
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert old.tobytes() == new.tobytes()
    assert len(after) - len(before) < 4096, "a thumbnail got in"


@pytest.mark.parametrize("media_type", TYPES)
def test_one_flipped_bit_of_the_picture_is_tampering(
    media_type: str, signed: dict[str, bytes], identity: DevelopmentIdentity
) -> None:
    data = signed[media_type]
    at = len(data) - 30 if media_type != "image/webp" else data.index(b"VP8 ") + 200
    found = verify(flipped(data, at), media_type, identity.root)
    assert (found.state, found.failures) == (ManifestState.TAMPERED, ("assertion.dataHash.mismatch",))


def test_a_changed_statement_is_tampering(signed: dict[str, bytes], identity: DevelopmentIdentity) -> None:
    data = signed["image/jpeg"]
    assert (
        verify(flipped(data, data.index(b"trainedAlgo")), "image/jpeg", identity.root).state is ManifestState.TAMPERED
    )


def test_a_certificate_that_ran_out_is_not_tampering_but_a_change_still_is() -> None:
    found = verify(EXPIRED, "image/jpeg")
    assert found.state is ManifestState.EXPIRED
    assert "signingCredential.expired" in found.failures
    assert verify(flipped(EXPIRED, len(EXPIRED) - 10), "image/jpeg").state is ManifestState.TAMPERED


def test_an_expired_certificate_signs_nothing() -> None:
    old = issue(datetime.now(UTC) - timedelta(days=200))
    with pytest.raises(ManifestSigningError, match="not valid at time of signing") as refused:
        sign(PICTURES["image/jpeg"], "image/jpeg", old.chain, old.key)
    assert "Renew the certificate" in refused.value.next_step


def test_a_picture_without_a_manifest_has_none() -> None:
    assert verify(PICTURES["image/png"], "image/png").state is ManifestState.NONE


@pytest.mark.parametrize("media_type", ["video/webm", "audio/ogg", "text/plain", "image/png\0", "png", ""])
def test_a_type_without_manifests_is_unsupported(media_type: str, identity: DevelopmentIdentity) -> None:
    assert not supports(media_type)
    assert verify(b"anything", media_type).state is ManifestState.UNSUPPORTED
    with pytest.raises(ManifestSigningError, match="not a type that C2PA reads"):
        sign(b"anything", media_type, identity.chain, identity.key)


def test_a_broken_file_and_a_broken_manifest_are_malformed(signed: dict[str, bytes]) -> None:
    data = signed["image/png"]
    assert verify(b"no picture", "image/png").state is ManifestState.MALFORMED
    assert verify(data[: len(data) // 2], "image/png").state is ManifestState.MALFORMED
    assert verify(flipped(data, data.index(b"jumb")), "image/png").state is ManifestState.MALFORMED


def test_a_file_that_has_a_manifest_is_not_signed_over(signed: dict[str, bytes], identity: DevelopmentIdentity) -> None:
    with pytest.raises(ManifestSigningError, match="carries a manifest already"):
        sign(signed["image/jpeg"], "image/jpeg", identity.chain, identity.key)
    with pytest.raises(ManifestSigningError, match="cannot be read"):
        sign(b"no picture", "image/png", identity.chain, identity.key)


def test_what_was_edited_says_so_and_names_its_program(identity: DevelopmentIdentity) -> None:
    made = sign(
        PICTURES["image/jpeg"],
        "image/jpeg",
        identity.chain,
        identity.key,
        source_type=DigitalSourceType.EDITED_WITH_GENERATED,
        generator=("工作室", "2.1"),
    )
    found = verify(made, "image/jpeg")
    assert (found.generator, found.source_types) == ("工作室", (DigitalSourceType.EDITED_WITH_GENERATED.value,))


def test_a_key_of_somebody_else_signs_nothing(identity: DevelopmentIdentity) -> None:
    other = issue(datetime.now(UTC))
    with pytest.raises(ManifestSigningError, match="does not belong to the first certificate"):
        sign(PICTURES["image/jpeg"], "image/jpeg", identity.chain, other.key)
    with pytest.raises(ManifestSigningError, match="does not belong to the first certificate"):
        sign(PICTURES["image/jpeg"], "image/jpeg", identity.root, identity.key)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate,
        lambda: rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "P-521", "Ed25519", "RSA"],
)
def test_every_kind_of_key_that_c2pa_knows_can_sign(
    make: Callable[[], ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey],
) -> None:
    authority, key, now = ec.generate_private_key(ec.SECP256R1()), make(), datetime.now(UTC)
    issuer = development._name("root", "somebody")
    usage = development._NO_USAGE | {"digital_signature": True}
    certificate = (
        x509.CertificateBuilder()
        .subject_name(development._name("signer", "somebody"))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    made = sign(PICTURES["image/jpeg"], "image/jpeg", development._pem(certificate), pem)
    found = verify(made, "image/jpeg")
    assert (found.state, found.signer) == (ManifestState.VALID_UNKNOWN_SIGNER, "signer")


def test_a_time_stamping_authority_that_is_not_there_is_named(identity: DevelopmentIdentity) -> None:
    with socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken and not listening, so that whoever asks is refused
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        with pytest.raises(ManifestSigningError) as refused:
            sign(PICTURES["image/jpeg"], "image/jpeg", identity.chain, identity.key, time_stamp_url=url)
    assert "time-stamping authority does not answer" in refused.value.next_step


@pytest.mark.parametrize("wrong", ["", "nothing", "\x00"])
def test_what_is_no_key_or_certificate_is_refused(wrong: str, identity: DevelopmentIdentity) -> None:
    for chain, key in ((wrong, identity.key), (identity.chain, wrong)):
        with pytest.raises(ManifestSigningError, match="cannot be read"):
            sign(PICTURES["image/jpeg"], "image/jpeg", chain, key)


def test_a_key_with_a_password_is_refused(identity: DevelopmentIdentity) -> None:
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"word"),
    )
    with pytest.raises(ManifestSigningError, match="cannot be read"):
        sign(PICTURES["image/jpeg"], "image/jpeg", identity.chain, locked.decode())


@pytest.mark.parametrize(
    "anchors", ["nonsense", "\x00", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_anchors_that_cannot_be_read_are_an_error_of_the_asker(anchors: str, signed: dict[str, bytes]) -> None:
    with pytest.raises(InvalidInputError, match="trust anchors"):
        verify(signed["image/jpeg"], "image/jpeg", anchors)


def test_it_can_be_asked_in_a_process_of_its_own(signed: dict[str, bytes], identity: DevelopmentIdentity) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(verify, signed["image/jpeg"], "image/jpeg", identity.root).result()
    assert found == pickle.loads(pickle.dumps(found))  # noqa: S301 - our own
    assert found.state is ManifestState.VALID_TRUSTED


def pixels(data: bytes) -> bytes | None:
    """Return what is shown, or None where nothing is: padding of the manifest is not signed, but has a CRC."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.tobytes()
    except OSError:
        return None


@settings(max_examples=150, deadline=None)
@given(media_type=st.sampled_from(sorted(TYPES)), at=st.integers(0, 8_000), bit=st.integers(0, 7), cut=st.booleans())
def test_a_changed_or_cut_file_gets_an_answer_and_other_pixels_are_never_valid(
    media_type: str, at: int, bit: int, cut: bool, signed: dict[str, bytes]
) -> None:
    data = bytearray(signed[media_type])
    at %= len(data)
    data[at] ^= 1 << bit
    changed = bytes(data[:at] if cut else data)
    if verify(changed, media_type).state is ManifestState.VALID_UNKNOWN_SIGNER:
        assert pixels(changed) in {None, pixels(signed[media_type])}
