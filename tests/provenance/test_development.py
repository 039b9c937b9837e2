"""The certificate for development: its files, and what it says of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from zhengming.core.errors import ConflictError, NotFoundError
from zhengming.provenance.development import issue, load, save

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def test_only_its_owner_may_read_what_is_saved(tmp_path: Path) -> None:
    identity = issue(NOW)
    folder = tmp_path / "certificates"
    save(identity, folder)
    assert load(folder) == identity
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600] * 3
    assert folder.stat().st_mode & 0o777 == 0o700


def test_nothing_is_replaced(tmp_path: Path) -> None:
    save(issue(NOW), tmp_path)
    before = load(tmp_path)
    with pytest.raises(ConflictError, match="exists already"):
        save(issue(NOW), tmp_path)
    assert load(tmp_path) == before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"development-root\.pem"):
        load(tmp_path)


def test_the_signer_may_sign_and_is_issued_by_the_root() -> None:
    identity = issue(NOW, days=10)
    signer, root = x509.load_pem_x509_certificates(identity.chain.encode())
    assert identity.root.encode() in identity.chain.encode()
    signer.verify_directly_issued_by(root)
    assert signer.not_valid_after_utc == NOW + timedelta(days=10)
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert not signer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert "not for production" in root.subject.rfc4514_string()


def test_the_key_does_not_show() -> None:
    identity = issue(NOW)
    assert "PRIVATE" not in repr(identity)
