"""Signing in: attempts are limited, take the same time whoever they name, and each leaves a row and a ledger entry.

Guessing is slowed for a network and for a name at a network, which lets nobody lock somebody else out. For a name from
everywhere there is a limit as well, but a network from which the account signed in lately is not held to it: whoever
floods a name cannot keep its owner from their desk.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final, NamedTuple

from zhengming.accounts import passwords, second_factor, staff
from zhengming.accounts.limits import Limiter, Rate
from zhengming.accounts.staff import StaffMember
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType
from zhengming.ledger import append
from zhengming.ledger.vault import Vault
from zhengming.store import Store, Tx
from zhengming.web import sessions
from zhengming.web.sessions import Origin

SIGNED_IN: Final = "signed_in"
UNKNOWN: Final = "unknown_name"
WRONG: Final = "wrong_password"
DISABLED: Final = "disabled"
WRONG_CODE: Final = "wrong_code"
TOO_MANY: Final = "too_many"
OUTCOMES: Final = (SIGNED_IN, UNKNOWN, WRONG, DISABLED, WRONG_CODE, TOO_MANY)

HALF_COOKIE: Final = "zhengming_half"
HALF_LIFETIME: Final = 10 * 60_000
CODES_AT_A_TIME: Final = 5
CODES_A_DAY: Final = 30
"""Wrong codes: 30 a day, three valid ones at any time, one in a million each: about once in thirty years."""
_QUARTER: Final = 15 * 60_000
_HOUR: Final = 3_600_000
_DAY: Final = 86_400_000
_KNOWN_FOR: Final = 30 * _DAY


class Checked(NamedTuple):
    """What came of a name and a password: `outcome` is `signed_in` when both were right, with or without a code yet."""

    outcome: str
    member: StaffMember | None = None
    wait: int = 0


class Attempt(NamedTuple):
    """One attempt as it was noted. `name` is empty when no account has it: it may well be a password."""

    id: str
    staff_id: str | None
    name: str
    at: int
    outcome: str
    address: str
    agent: str


class _Found(NamedTuple):
    member: StaffMember | None
    encoded: str | None
    known: bool


async def check_password(
    store: Store, limiter: Limiter, name: str, password: str, *, origin: Origin, now: int
) -> Checked:
    """Check a name and a password; what is refused is noted here, what is right by :func:`open_session`.

    `wait` (ms) says how long to wait after too many attempts.
    """
    found = await store.read(lambda tx: _look_up(tx, name, origin.network, now))
    decision = await limiter.take(_claims(name, origin.network, known=found.known), now)
    if not decision.allowed:
        if (await limiter.take([Rate("noted", f"zm:signin:noted:{origin.network}", 1)], now)).allowed:
            await store.write(lambda tx: _note(tx, found.member, TOO_MANY, origin, now))
        return Checked(TOO_MANY, wait=decision.wait)
    right = await passwords.fits(found.encoded, password)
    outcome = _outcome(found.member, right=right)
    if outcome != SIGNED_IN or found.member is None:
        await store.write(lambda tx: _note(tx, found.member, outcome, origin, now))
        return Checked(outcome)
    if found.encoded is not None and passwords.is_outdated(found.encoded):
        member, old, encoded = found.member, found.encoded, await passwords.encode(password)
        await store.write(lambda tx: _rehash(tx, member.id, old, encoded))
    return Checked(SIGNED_IN, found.member)


async def confirm_password(store: Store, limiter: Limiter, member: StaffMember, password: str, now: int) -> bool:
    """Whether somebody who is signed in knows the password; also limited, for a session may be a stolen one."""
    claim = Rate("confirm", f"zm:signin:confirm:{member.id}", 10, period=_QUARTER)
    if not (await limiter.take([claim], now)).allowed:
        return False
    found = await store.read(lambda tx: tx.one("SELECT password FROM staff WHERE id = :id", {"id": member.id}))
    return await passwords.fits(None if found is None else found[0], password)


def begin_half(tx: Tx, member: StaffMember, *, secret: str, origin: Origin, now: int) -> None:
    """Remember in this unit that the password was right; only the second factor is asked for from here on."""
    sessions.start(
        tx,
        staff.half_subject(member.id),
        secret=secret,
        now=now,
        address=origin.network,
        agent=origin.agent,
        lifetime=HALF_LIFETIME,
    )


def half_of(tx: Tx, secret: str, now: int) -> StaffMember | None:
    """Return who has given the right password and awaits the second factor, None for nobody."""
    found = sessions.find(tx, secret, now)
    if found is None or not found.subject.startswith(staff.half_subject("")):
        return None
    member = staff.get(tx, found.subject.removeprefix(staff.half_subject("")))
    return member if member.disabled_at is None and member.password_at <= found.created_at else None


def finish(
    tx: Tx, vault: Vault, half: str, code: str, *, secret: str, origin: Origin, now: int
) -> tuple[str, StaffMember | None]:
    """Check the second factor in this unit; when it fits, the session of `secret` begins.

    Returns the outcome; the person is None when there is nothing to go on with: the name must be given again.
    """
    member = half_of(tx, half, now)
    if member is None:
        return WRONG_CODE, None
    tx.run("UPDATE staff SET roles = roles WHERE id = :id", {"id": member.id})  # attempts at one account queue up here
    began = sessions.find(tx, half, now)
    if began is None or _wrong_codes(tx, member.id, now - _DAY) >= CODES_A_DAY:
        _note(tx, member, TOO_MANY, origin, now)
        sessions.drop_all(tx, staff.half_subject(member.id))  # so that asking again and again fills no ledger
        return TOO_MANY, None
    if second_factor.passes(tx, vault, member.id, code, now):
        begun = open_session(tx, member, secret=secret, origin=origin, now=now)
        return (SIGNED_IN, member) if begun else (WRONG_CODE, None)
    _note(tx, member, WRONG_CODE, origin, now)
    if _wrong_codes(tx, member.id, began.created_at) >= CODES_AT_A_TIME:
        sessions.drop_all(tx, staff.half_subject(member.id))
        return WRONG_CODE, None
    return WRONG_CODE, member


def remove_factor(tx: Tx, vault: Vault, member: StaffMember, code: str, *, origin: Origin, now: int) -> str:
    """Remove a person's own second factor in this unit when the code fits; wrong ones count as at the sign-in.

    Returns `signed_in` when it is gone, else `wrong_code` or `too_many`.
    """
    tx.run("UPDATE staff SET roles = roles WHERE id = :id", {"id": member.id})  # as in :func:`finish`
    if _wrong_codes(tx, member.id, now - _DAY) >= CODES_A_DAY:
        return TOO_MANY
    if second_factor.passes(tx, vault, member.id, code, now):
        second_factor.remove(tx, member.id, who=member.name, why="removed by its owner", now=now)
        return SIGNED_IN
    _note(tx, member, WRONG_CODE, origin, now)
    return WRONG_CODE


def open_session(tx: Tx, member: StaffMember, *, secret: str, origin: Origin, now: int) -> bool:
    """Begin a session in this unit, with its row and entry `staff.signed_in`.

    False, and nothing begins, when the account was disabled, its password changed or it got a second factor since
    `member` was read.
    """
    seen = staff.get(tx, member.id)
    if seen.disabled_at is not None or seen.password_at != member.password_at:
        return False
    if seen.second_factor and not member.second_factor:
        return False
    sessions.drop_all(tx, staff.half_subject(member.id))
    made = sessions.start(tx, member.id, secret=secret, now=now, address=origin.network, agent=origin.agent)
    _insert(tx, member, SIGNED_IN, origin, now)
    fields = {"staff": member.id, "session": made.id, "network": origin.network, "second_factor": seen.second_factor}
    append(tx, EventType.STAFF_SIGNED_IN, fields, at=now)
    return True


def latest_of(tx: Tx, staff_id: str, limit: int = 20) -> list[Attempt]:
    """Read the latest attempts at an account, the newest first."""
    rows = tx.rows(
        "SELECT id, staff_id, name, at, outcome, address, agent FROM sign_in WHERE staff_id = :id"
        " ORDER BY id DESC LIMIT :limit",
        {"id": staff_id, "limit": limit},
    )
    return [Attempt(*row) for row in rows]


def last_of_all(tx: Tx) -> dict[str, int]:
    """Return when each account signed in last, by its id."""
    rows = tx.rows(
        "SELECT staff_id, MAX(at) FROM sign_in WHERE outcome = :outcome AND staff_id IS NOT NULL GROUP BY staff_id",
        {"outcome": SIGNED_IN},
    )
    return {row[0]: row[1] for row in rows}


def _look_up(tx: Tx, name: str, network: str, now: int) -> _Found:
    """The same statements run whether or not there is such an account."""
    row = tx.one("SELECT id, password FROM staff WHERE name = :name", {"name": name}) or ("", None)
    member = staff.find(tx, row[0])
    seen = tx.one(
        "SELECT 1 FROM sign_in WHERE staff_id = :id AND outcome = :outcome AND address = :network AND at > :since",
        {"id": row[0], "outcome": SIGNED_IN, "network": network, "since": now - _KNOWN_FOR},
    )
    return _Found(member, row[1], seen is not None)


def _claims(name: str, network: str, *, known: bool) -> list[Rate]:
    """What one attempt claims. Names are hashed: a key in Redis need not hold what people mistype."""
    folded = unicodedata.normalize("NFKC", name).casefold().encode("utf-8", "surrogatepass")
    who = hashlib.sha256(folded).hexdigest()[:32]
    found = [
        Rate("network", f"zm:signin:n:{network}", 60, period=_QUARTER),
        Rate("name_at_network", f"zm:signin:p:{who}:{network}", 10, period=_QUARTER),
    ]
    return found if known else [*found, Rate("name", f"zm:signin:w:{who}", 100, period=_HOUR)]


def _outcome(member: StaffMember | None, *, right: bool) -> str:
    if member is None:
        return UNKNOWN
    if not right:
        return WRONG
    return SIGNED_IN if member.disabled_at is None else DISABLED


def _wrong_codes(tx: Tx, staff_id: str, since: int) -> int:
    row = tx.one(
        "SELECT COUNT(*) FROM sign_in WHERE staff_id = :id AND outcome = :outcome AND at >= :since",
        {"id": staff_id, "outcome": WRONG_CODE, "since": since},
    )
    return 0 if row is None else int(row[0])


def _rehash(tx: Tx, staff_id: str, old: str, encoded: str) -> None:
    tx.run(
        "UPDATE staff SET password = :encoded WHERE id = :id AND password = :old",
        {"encoded": encoded, "id": staff_id, "old": old},
    )


def _note(tx: Tx, member: StaffMember | None, outcome: str, origin: Origin, now: int) -> None:
    _insert(tx, member, outcome, origin, now)
    fields = {"staff": None if member is None else member.id, "outcome": outcome, "network": origin.network}
    append(tx, EventType.STAFF_REFUSED, fields, at=now)


def _insert(tx: Tx, member: StaffMember | None, outcome: str, origin: Origin, now: int) -> None:
    tx.run(
        "INSERT INTO sign_in (id, staff_id, name, at, outcome, address, agent)"
        " VALUES (:id, :staff_id, :name, :at, :outcome, :address, :agent)",
        {
            "id": new_uuid(milliseconds=now),
            "staff_id": None if member is None else member.id,
            "name": "" if member is None else member.name,
            "at": now,
            "outcome": outcome,
            "address": origin.network,
            "agent": origin.agent,
        },
    )
