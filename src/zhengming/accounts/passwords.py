"""Passwords of staff: what is taken, and argon2id with the parameters that RFC 9106 gives where memory is short.

One hash takes 64 MiB and about a tenth of a second, which is the point: so at most two run at once, in threads of their
own, and more than a few dozen that wait are turned away.
"""

from __future__ import annotations

import asyncio
import re
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from zhengming.core.errors import UnavailableError

T = TypeVar("T")

SHORTEST: Final = 12
LONGEST_BYTES: Final = 1_000
AT_ONCE: Final = 2
WAITING: Final = 32

# Checked where there is no hash to check, so that an unknown name takes as long as a wrong password. Nobody knows what
# it was made of. A test holds its parameters to those of every other hash.
NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$SpvVunXdWUzTzhjjdJVSwg$pCXlepgJTGWQmMzBhchMIWIxSfBqHxV7rTVMVNkVMSg"

_HASHER: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_POOL: Final = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="passwords")
_SEATS: Final = threading.BoundedSemaphore(WAITING)

# What lists of leaked passwords are full of, less what stands around it: twelve characters of these are one guess.
_COMMON: Final = frozenset(
    (Path(__file__).resolve().parent / "data" / "common_passwords.txt").read_text(encoding="utf-8").split()
)
_AROUND: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_PERIOD: Final = re.compile(r"(.{1,4})\1*(.{0,3})")
_ROWS: Final = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
)


class TooBusyError(UnavailableError):
    """More passwords wait to be checked than are taken on."""

    code = "too_many_sign_ins"


def problem_of(password: str, name: str) -> str:
    """Return why a new password is not taken for the account `name`: too_short, too_long, common, like_name, or ''."""
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        return "too_long"
    plain = _normal(password)
    if len(plain) < SHORTEST:
        return "too_short"
    folded = plain.casefold()
    if _is_common(folded):
        return "common"
    own = _normal(name).casefold()
    left = folded.replace(own, "") if own else folded
    return "like_name" if len(left) < min(len(folded), SHORTEST // 2 + 1) else ""


async def encode(password: str) -> str:
    """Return the encoded hash of a password that :func:`problem_of` finds nothing wrong with."""
    return await _in_turn(lambda: encode_now(password))


def encode_now(password: str) -> str:
    """Do the same as :func:`encode` in this thread: for the command line and for tests."""
    return _HASHER.hash(_normal(password))


async def fits(encoded: str | None, password: str) -> bool:
    """Whether the password is the one of this hash; None and what is no hash take as long, and fit nothing."""
    return await _in_turn(lambda: _fits(encoded, password))


def is_outdated(encoded: str) -> bool:
    """Whether the hash was made with other parameters than ours and should be made anew."""
    return _HASHER.check_needs_rehash(encoded)


def _fits(encoded: str | None, password: str) -> bool:
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        encoded, password = None, ""
    plain = _normal(password)
    try:
        _HASHER.verify(encoded or NOBODY, plain)
    except InvalidHashError:
        return _fits(None, "")
    except VerificationError:
        return False
    return encoded is not None


async def _in_turn(work: Callable[[], T]) -> T:
    """Run in the threads for hashing; raises TooBusyError when too many wait already."""
    if not _SEATS.acquire(blocking=False):
        raise TooBusyError("Too many people are signing in just now.", next_step="Try again in a few seconds.")
    future = _POOL.submit(work)
    future.add_done_callback(lambda _done: _SEATS.release())
    return await asyncio.wrap_future(future)


def _normal(password: str) -> str:
    """One spelling of what looks alike: input methods write the same characters in several ways (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def _is_common(folded: str) -> bool:
    """Whether a password is one of those that are tried first, with whatever digits and signs around it."""
    bare = _AROUND.sub("", folded)
    if bare in _COMMON or folded in _COMMON:
        return True
    if not bare and len(set(folded)) <= 4:  # noqa: PLR2004 - four different digits or signs
        return True
    found = _PERIOD.fullmatch(folded)
    if found is not None and found[1].startswith(found[2]):
        return True
    return any(folded in row * 2 or folded in row[::-1] * 2 for row in _ROWS)
