"""Pseudonyms of end users and of the people who stand for API keys.

The operator's own user id never reaches the store: only HMAC-SHA-256 of it under a key of this installation does. The
same user has another pseudonym at every service, so that two services' records cannot be joined by it.
"""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple

_BYTES: Final = 16
_USER: Final = "u_"
_STAND_IN: Final = "k_"


class Who(NamedTuple):
    """Whom a turn belongs to: a pseudonym, and whether it merely stands for the API key of unnamed people."""

    person_id: str
    stand_in: bool


class Pseudonyms:
    """Names people under one secret of the installation; immutable, safe for threads."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of_user(self, service_id: str, user: str) -> str:
        """Return the pseudonym of the operator's user id at a service: `u_` and 32 hexadecimal characters."""
        service = service_id.encode()
        message = len(service).to_bytes(4, "big") + service + user.encode("utf-8", "surrogatepass")
        return _USER + hmac.digest(self._key, message, "sha256")[:_BYTES].hex()

    def who(self, service_id: str, user: str, key_id: str) -> Who:
        """Return the person behind a turn; without a user id, the person who stands for the API key."""
        if user:
            return Who(self.of_user(service_id, user), stand_in=False)
        return Who(stand_in(key_id), stand_in=True)


def stand_in(key_id: str) -> str:
    """Return the person who stands for an API key."""
    return _STAND_IN + key_id
