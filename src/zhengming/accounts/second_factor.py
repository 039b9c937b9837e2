"""The second factor of a staff account: one-time codes by time (RFC 6238), and codes for the day the phone is lost.

The secret is sealed under a key of the person's own; a code opens once, since the step it belongs to is written down in
the same unit. A secret that was shown and never confirmed counts for nothing: its step is -1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import secrets
from typing import Final

import pyotp
import segno

from zhengming.core.errors import ConflictError
from zhengming.core.words import EventType
from zhengming.ledger import append
from zhengming.ledger.vault import Vault
from zhengming.store import Tx

ISSUER: Final = "Zhengming"
STEP: Final = 30_000
RECOVERY_CODES: Final = 10
_PENDING: Final = -1
_DRIFT: Final = (0, -1, 1)
"""A clock may be one step off either way."""
_CODE_DIGITS: Final = 6
_RECOVERY_LENGTH: Final = 16


def new_secret() -> str:
    """Draw a secret of 160 bits, in base32 as apps for codes take it."""
    return pyotp.random_base32()


def new_codes() -> list[str]:
    """Draw recovery codes of 80 bits, written like `abcd-efgh-ijkl-mnop`."""
    return [_grouped(base64.b32encode(secrets.token_bytes(10)).decode().lower()) for _ in range(RECOVERY_CODES)]


def address_of(secret: str, name: str) -> str:
    """Return the `otpauth:` address that an app for codes reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def picture_of(address: str) -> bytes:
    """Return the address as a QR code: an SVG without styles or scripts, black on white in every theme."""
    drawn = io.BytesIO()
    code = segno.make(address, error="m", micro=False)
    code.save(drawn, kind="svg", xmldecl=False, nl=False, scale=5, svgclass=None, lineclass=None, light="#fff")
    return drawn.getvalue()


def begin(tx: Tx, vault: Vault, staff_id: str, *, secret: str) -> None:
    """Keep a secret that waits for its first code; ConflictError when there is a second factor already."""
    done = tx.run(
        "UPDATE staff SET totp_sealed = :sealed, totp_step = :pending, recovery = ''"
        " WHERE id = :id AND (totp_sealed IS NULL OR totp_step < 0)",
        {"sealed": vault.seal(tx, _person(staff_id), secret.encode(), _place(staff_id)), **_ids(staff_id)},
    )
    if done != 1:
        raise ConflictError("This account has a second factor already.", next_step="Remove it first.")


def waiting(tx: Tx, vault: Vault, staff_id: str) -> str | None:
    """Return the secret that waits for its first code, None when none does."""
    found = _read(tx, vault, staff_id)
    return found[0] if found is not None and found[1] < 0 else None


def confirm(tx: Tx, vault: Vault, staff_id: str, code: str, *, recovery: list[str], who: str, now: int) -> bool:
    """Put the waiting secret in force when the code fits it; entry `staff.changed`, change `second_factor_set`."""
    secret = waiting(tx, vault, staff_id)
    step = None if secret is None else _step_of(secret, code, now)
    if step is None:
        return False
    done = tx.run(
        "UPDATE staff SET totp_step = :step, recovery = :recovery WHERE id = :id AND totp_step < 0",
        {"step": step, "recovery": _kept(staff_id, recovery), "id": staff_id},
    )
    if done != 1:
        return False  # it was confirmed in another window meanwhile, which shows the codes that count
    append(tx, EventType.STAFF_CHANGED, {"staff": staff_id, "change": "second_factor_set", "who": who}, at=now)
    return True


def passes(tx: Tx, vault: Vault, staff_id: str, code: str, now: int) -> bool:
    """Whether the code opens the account now; it is used up by that. Takes a recovery code as well.

    The caller counts the attempts: six digits are few.
    """
    found = _read(tx, vault, staff_id)
    if found is None or found[1] < 0:
        return False
    step = _step_of(found[0], code, now)
    if step is not None:
        used = tx.run(
            "UPDATE staff SET totp_step = :step WHERE id = :id AND totp_step < :step", {"step": step, "id": staff_id}
        )
        return used == 1
    return _use_recovery(tx, staff_id, code, now)


def renew_codes(tx: Tx, staff_id: str, recovery: list[str], *, who: str, now: int) -> None:
    """Put other recovery codes in the place of those there are; entry `staff.changed`, change `recovery_codes`."""
    tx.run(
        "UPDATE staff SET recovery = :recovery WHERE id = :id AND totp_sealed IS NOT NULL AND totp_step >= 0",
        {"recovery": _kept(staff_id, recovery), "id": staff_id},
    )
    append(tx, EventType.STAFF_CHANGED, {"staff": staff_id, "change": "recovery_codes", "who": who}, at=now)


def codes_left(tx: Tx, staff_id: str) -> int:
    """Return how many recovery codes are left."""
    row = tx.one("SELECT recovery FROM staff WHERE id = :id", {"id": staff_id})
    return 0 if row is None else len(row[0].split())


def remove(tx: Tx, staff_id: str, *, who: str, why: str, now: int) -> None:
    """Take the second factor away, with its recovery codes; entry `staff.changed`, change `second_factor_removed`."""
    tx.run("UPDATE staff SET totp_sealed = NULL, totp_step = 0, recovery = '' WHERE id = :id", {"id": staff_id})
    fields = {"staff": staff_id, "change": "second_factor_removed", "who": who, "why": why}
    append(tx, EventType.STAFF_CHANGED, fields, at=now)


def _read(tx: Tx, vault: Vault, staff_id: str) -> tuple[str, int] | None:
    row = tx.one("SELECT totp_sealed, totp_step FROM staff WHERE id = :id", {"id": staff_id})
    if row is None or row[0] is None:
        return None
    return vault.open(tx, _person(staff_id), bytes(row[0]), _place(staff_id)).decode(), row[1]


def _step_of(secret: str, code: str, now: int) -> int | None:
    """Return the step whose code this is, None when it is of no step about now. Every step is compared."""
    digits = code.replace(" ", "")
    if len(digits) != _CODE_DIGITS or not (digits.isascii() and digits.isdecimal()):
        return None
    totp, found = pyotp.TOTP(secret), None
    for drift in _DRIFT:
        step = now // STEP + drift
        if hmac.compare_digest(totp.generate_otp(step), digits) and found is None:
            found = step
    return found


def _use_recovery(tx: Tx, staff_id: str, code: str, now: int) -> bool:
    row = tx.one("SELECT recovery FROM staff WHERE id = :id", {"id": staff_id})
    plain = "".join(one for one in code.lower() if one.isalnum())
    wanted = _hashed(staff_id, plain)
    if row is None or len(plain) != _RECOVERY_LENGTH or wanted not in row[0].split():
        return False
    left = " ".join(one for one in row[0].split() if one != wanted)
    used = tx.run(
        "UPDATE staff SET recovery = :left WHERE id = :id AND recovery = :before",
        {"left": left, "id": staff_id, "before": row[0]},
    )
    fields = {"staff": staff_id, "change": "recovery_code_used", "left": len(left.split())}
    if used == 1:
        append(tx, EventType.STAFF_CHANGED, fields, at=now)
    return used == 1


def _kept(staff_id: str, recovery: list[str]) -> str:
    return " ".join(_hashed(staff_id, one.replace("-", "")) for one in recovery)


def _hashed(staff_id: str, plain: str) -> str:
    """80 random bits need no slow hash; the account in it keeps equal codes of two accounts apart."""
    return hashlib.sha256(f"zhengming recovery\n{staff_id}\n{plain}".encode("utf-8", "surrogatepass")).hexdigest()


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _person(staff_id: str) -> str:
    return f"staff:{staff_id}"


def _place(staff_id: str) -> str:
    return f"staff:{staff_id}:second-factor"


def _ids(staff_id: str) -> dict[str, object]:
    return {"id": staff_id, "pending": _PENDING}
