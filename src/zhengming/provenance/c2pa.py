"""Signing and judging C2PA manifests through c2pa-python.

Both functions are plain functions of bytes: they open no file and keep no state, and what they take and give can be
pickled. The library below is native code that parses the file, so a file from a stranger is judged in a worker process
with limits on time and memory; a crash there is an answer ("cannot tell"), a crash here would be an outage. Nothing is
fetched from the network, except a time stamp while signing when a time-stamping authority is named.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, NamedTuple

import c2pa  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from zhengming.core.errors import InvalidInputError

MAX_TEXT: Final = 200  # characters kept of anything that the file says about itself
MAX_ITEMS: Final = 100

_VOCABULARY: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_OFFLINE: Final = {"remote_manifest_fetch": False, "ocsp_fetch": False}
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_EXPIRED: Final = frozenset({"signingCredential.expired", "claimSignature.outsideValidity"})
_REVOKED: Final = frozenset({"signingCredential.revoked", "signingCredential.ocsp.revoked"})
_NOT_FOUND: Final = ("ManifestNotFound", "RemoteManifest")


class DigitalSourceType(StrEnum):
    """How the content came to be (IPTC NewsCodes)."""

    GENERATED = _VOCABULARY + "trainedAlgorithmicMedia"
    EDITED_WITH_GENERATED = _VOCABULARY + "compositeWithTrainedAlgorithmicMedia"
    ALGORITHMIC = _VOCABULARY + "algorithmicMedia"


class ManifestState(StrEnum):
    """What a manifest is worth."""

    VALID_TRUSTED = "valid_trusted"  # unchanged, and the signer's chain ends in an anchor that the reader gave
    VALID_UNKNOWN_SIGNER = "valid_unknown_signer"  # unchanged since somebody unknown signed
    EXPIRED = "expired"  # unchanged, but the certificate has run out and no time stamp says that it was good then
    REVOKED = "revoked"
    TAMPERED = "tampered"  # file or manifest is not what was signed
    MALFORMED = "malformed"  # the file or its manifest cannot be read
    NONE = "none"
    UNSUPPORTED = "unsupported"  # this type of file is not known to the library


class ManifestReading(NamedTuple):
    """What was read. Texts come from the file: bounded in length, and to be shown as somebody's claim only.

    `failures` are the codes of the C2PA specification, sorted, also those of ingredients. `signed_at` is the time of a
    time stamp, in the words of the library, or empty.
    """

    state: ManifestState
    failures: tuple[str, ...] = ()
    signer: str = ""
    organisation: str = ""
    signed_at: str = ""
    generator: str = ""
    actions: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()
    detail: str = ""


class ManifestSigningError(InvalidInputError):
    """The manifest was not made; the file is as it was."""

    code = "manifest_not_signed"


def verify(data: bytes, media_type: str, trust_anchors: str = "") -> ManifestReading:
    """Judge the manifest of a file; never raises for what the file holds, InvalidInputError for unreadable anchors.

    `trust_anchors` are certificates in PEM, one after another; without any, nobody is trusted. `media_type` is a MIME
    type, not an ending. Call this in a worker process for files from strangers (see the head of this module).
    """
    if not supports(media_type):
        return ManifestReading(
            ManifestState.UNSUPPORTED, detail=f"{media_type[:MAX_TEXT]} is not a type that C2PA reads."
        )
    settings: dict[str, Any] = {"verify": {"verify_trust": True, **_OFFLINE}}
    if trust_anchors:
        settings["trust"] = {"user_anchors": trust_anchors}
    with _context(settings) as context:
        try:
            with c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader:
                found = json.loads(reader.json())
        except c2pa.C2paError as error:
            return _unread(str(error))
        except (ValueError, RecursionError) as error:  # what the library wrote about the file is no JSON for Python
            return ManifestReading(ManifestState.MALFORMED, detail=_text(str(error)))
    return _judge(found)


def supports(media_type: str) -> bool:
    """Whether the library claims to read and sign this MIME type. Office documents it claims and does not sign."""
    return "/" in media_type and media_type in c2pa.Reader.get_supported_mime_types()


def sign(
    data: bytes,
    media_type: str,
    certificate_chain: str,
    key: str,
    *,
    source_type: DigitalSourceType = DigitalSourceType.GENERATED,
    generator: tuple[str, str] = ("Zhengming", ""),
    time_stamp_url: str = "",
) -> bytes:
    """Return the file with a manifest that says `c2pa.created`, how, and by which program; no thumbnail.

    `certificate_chain` (signer first, in PEM) and `key` (PKCS #8 in PEM, not encrypted) must belong together.
    `generator` is name and version of the program. With `time_stamp_url` that authority is asked over the network, and
    the manifest outlives the certificate. What was made is read back before it is returned. Raises ManifestSigningError
    with what to do, also for a file that carries a manifest already: `created` would hide its history.
    """
    algorithm = _algorithm(certificate_chain, key)
    _refuse_unless_plain(verify(data, media_type))
    made = io.BytesIO()
    settings = {"builder": {"thumbnail": {"enabled": False}}, "verify": _OFFLINE}
    try:
        info = c2pa.C2paSignerInfo(
            algorithm.lower(), certificate_chain.encode(), key.encode(), time_stamp_url.encode() or None
        )
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Builder(_definition(media_type, source_type, generator), context) as builder,
            c2pa.Signer.from_info(info) as signer,
        ):
            builder.sign(signer, media_type, io.BytesIO(data), made)
    except c2pa.C2paError as error:
        raise _refusal(str(error)) from None
    signed = made.getvalue()
    _check_made(verify(signed, media_type))
    return signed


def _definition(media_type: str, source_type: DigitalSourceType, generator: tuple[str, str]) -> dict[str, Any]:
    name, version = generator
    action = {"action": "c2pa.created", "digitalSourceType": source_type.value}
    return {
        "claim_generator_info": [{"name": name, **({"version": version} if version else {})}],
        "format": media_type,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }


def _algorithm(certificate_chain: str, key: str) -> str:
    """Return the signature algorithm of the key, which must be that of the first certificate."""
    try:
        private = serialization.load_pem_private_key(key.encode(), None)
        certificate = x509.load_pem_x509_certificates(certificate_chain.encode())[0]
    except (ValueError, TypeError):
        raise ManifestSigningError(
            "The certificate chain or its key cannot be read.",
            next_step="Give both in PEM: the chain with the signer first, the key as PKCS #8 without password.",
        ) from None
    if private.public_key() != certificate.public_key():
        raise ManifestSigningError(
            "The key does not belong to the first certificate of the chain.",
            next_step="Put the signer's own certificate first, and give the key that it was issued for.",
        )
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
        return _CURVES[private.curve.name]
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "Ed25519"
    if isinstance(private, rsa.RSAPrivateKey):
        return "PS256"
    raise ManifestSigningError(
        "C2PA has no signature for this kind of key.", next_step="Use EC P-256, P-384, P-521, Ed25519 or RSA."
    )


def _refuse_unless_plain(found: ManifestReading) -> None:
    """Refuse a file that cannot be signed, or that would lose its history."""
    if found.state is ManifestState.NONE:
        return
    if found.state is ManifestState.UNSUPPORTED:
        raise ManifestSigningError(found.detail, next_step="Label this file by its metadata only.")
    if found.state is ManifestState.MALFORMED:
        raise ManifestSigningError(
            f"The file cannot be read: {found.detail}", next_step="Check that it is whole and of the type named."
        )
    raise ManifestSigningError(
        f"The file carries a manifest already ({found.state.value}).",
        next_step="Sign the original, or carry the manifest on as an ingredient.",
    )


def _check_made(found: ManifestReading) -> None:
    """Raise unless what was just made is good. Trust is another question: no anchors were given."""
    if found.state in {ManifestState.VALID_UNKNOWN_SIGNER, ManifestState.VALID_TRUSTED}:
        return
    raise ManifestSigningError(
        f"The manifest does not stand after signing: {found.state.value} ({', '.join(found.failures)}). {found.detail}",
        next_step="Check certificate, key and file; nothing was handed out.",
    )


def _refusal(said: str) -> ManifestSigningError:
    step = "Check the file and the certificate."
    if "not valid at time of signing" in said:
        step = "Renew the certificate; the clock of this machine is what it is compared with."
    elif "http resolver" in said:
        step = "The time-stamping authority does not answer: check its address, or sign without one."
    elif "self-signed" in said:
        step = "Use a certificate that an authority issued; for development, `issue` makes both."
    elif "compression method" in said:
        step = "The library cannot sign compressed archives; label this document by its metadata only."
    return ManifestSigningError(f"The manifest was not signed: {_text(said)}.", next_step=step)


def _unread(said: str) -> ManifestReading:
    """Conclude from the library's refusal to read."""
    state = ManifestState.NONE if said.startswith(_NOT_FOUND) else ManifestState.MALFORMED
    return ManifestReading(state, detail=_text(said))


def _context(settings: dict[str, Any]) -> Any:
    """Return a context for reading. The anchors are parsed here first: the library passes over what it cannot read."""
    anchors = settings.get("trust", {}).get("user_anchors", "")
    try:
        if anchors:
            x509.load_pem_x509_certificates(anchors.encode())
        return c2pa.Context.from_dict(settings)
    except (ValueError, c2pa.C2paError):
        raise InvalidInputError(
            "The trust anchors cannot be read.", next_step="Give certificates in PEM, one after another."
        ) from None


def _judge(found: dict[str, Any]) -> ManifestReading:
    manifest = found.get("manifests", {}).get(found.get("active_manifest"), {})
    results = found.get("validation_results", {})
    failures = frozenset(_codes(results))
    signature = manifest.get("signature_info") or {}
    generators = manifest.get("claim_generator_info") or [{}]
    actions = list(_actions(manifest))[:MAX_ITEMS]
    return ManifestReading(
        _state(found.get("validation_state"), failures),
        tuple(sorted(failures)),
        _text(signature.get("common_name")),
        _text(signature.get("issuer")),
        _text(signature.get("time")),
        _text(generators[0].get("name")),
        tuple(_text(action.get("action")) for action in actions),
        tuple(
            dict.fromkeys(_text(action["digitalSourceType"]) for action in actions if action.get("digitalSourceType"))
        ),
    )


def _state(state: str | None, failures: frozenset[str]) -> ManifestState:
    """Conclude from what the library says. What was changed weighs more than that a certificate has run out."""
    if state == "Trusted":
        return ManifestState.VALID_TRUSTED
    if state == "Valid":
        return ManifestState.VALID_UNKNOWN_SIGNER
    if any(code.endswith("mismatch") or code == "assertion.missing" for code in failures):
        return ManifestState.TAMPERED
    if failures & _REVOKED:
        return ManifestState.REVOKED
    if failures & _EXPIRED:
        return ManifestState.EXPIRED
    return ManifestState.MALFORMED


def _codes(results: dict[str, Any]) -> Iterator[str]:
    """Yield the codes of failures, of the manifest itself and of its ingredients."""
    parts = [results.get("activeManifest") or {}]
    parts += [delta.get("validationDeltas") or {} for delta in (results.get("ingredientDeltas") or [])[:MAX_ITEMS]]
    for part in parts:
        for failure in (part.get("failure") or [])[:MAX_ITEMS]:
            yield _text(failure.get("code"))


def _actions(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for assertion in manifest.get("assertions") or []:
        data = assertion.get("data")
        if str(assertion.get("label", "")).startswith("c2pa.actions") and isinstance(data, dict):
            actions = data.get("actions")
            yield from (action for action in actions or [] if isinstance(action, dict))


def _text(value: Any) -> str:
    """Return what the file says as bounded text."""
    return value[:MAX_TEXT] if isinstance(value, str) else ""
