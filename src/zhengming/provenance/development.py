"""A certificate for development: an authority made on the spot, and one signer.

It shows how signing works and trusts nobody else's reader to know it. The authority's key is thrown away once it has
signed, so nobody can issue more under it; when the certificate runs out, make a new one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zhengming.core.errors import ConflictError, NotFoundError

DAYS: Final = 90
_FILES: Final = {"root": "development-root.pem", "chain": "development-chain.pem", "key": "development-key.pem"}
_NO_USAGE: Final = {
    "digital_signature": False,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


@dataclass(frozen=True, slots=True)
class DevelopmentIdentity:
    """PEM texts: `root` is the anchor for a reader, `chain` and `key` sign. The key never shows in a representation."""

    root: str
    chain: str
    key: str = field(repr=False)


def issue(now: datetime, *, days: int = DAYS, name: str = "Zhengming development") -> DevelopmentIdentity:
    """Make an authority and a signer (EC P-256), valid from an hour before `now`, which has a zone, for `days`."""
    begin, end = now - timedelta(hours=1), now + timedelta(days=days)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, signer_name = _name(f"{name} CA, not for production", name), _name(f"{name} signer", name)
    root = (
        _begun(root_name, root_name, root_key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**(_NO_USAGE | {"key_cert_sign": True, "crl_sign": True})), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    signer = (
        _begun(signer_name, root_name, key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**(_NO_USAGE | {"digital_signature": True})), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return DevelopmentIdentity(_pem(root), _pem(signer) + _pem(root), private.decode())


def save(identity: DevelopmentIdentity, folder: Path) -> None:
    """Write three files that only their owner may read; raises ConflictError rather than replace one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part, name in _FILES.items():
        try:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ConflictError(
                f"{folder / name} exists already.", next_step="Use it, or move the three development files away."
            ) from None
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(str(getattr(identity, part)))


def load(folder: Path) -> DevelopmentIdentity:
    """Read what :func:`save` wrote; raises NotFoundError when a file is missing."""
    texts = {}
    for part, name in _FILES.items():
        try:
            texts[part] = (folder / name).read_text(encoding="ascii")
        except FileNotFoundError:
            raise NotFoundError(
                f"There is no {folder / name}.", next_step="Make a development certificate first."
            ) from None
    return DevelopmentIdentity(**texts)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str, organisation: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)]
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
