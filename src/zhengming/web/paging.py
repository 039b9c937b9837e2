"""The place in a long list at which a page ends, as it stands in an address: nobody counts rows that were skipped."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, NamedTuple, Self

from zhengming.core.errors import InvalidInputError

_PLAIN: Final = re.compile(r"([<>])([!-~]{1,100})")


class Cursor(NamedTuple):
    """A place between two rows: those `newer` than `id`, or those older than it. `id` sorts by time."""

    id: str
    newer: bool = False

    def encode(self) -> str:
        """Return the text for an address."""
        plain = (">" if self.newer else "<") + self.id
        return base64.urlsafe_b64encode(plain.encode("ascii")).decode("ascii").rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Return the cursor that :meth:`encode` wrote; raises InvalidInputError for anything else."""
        try:
            plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, ValueError) as error:
            raise _bad() from error
        found = _PLAIN.fullmatch(plain)
        if found is None:
            raise _bad()
        return cls(found[2], found[1] == ">")


def _bad() -> InvalidInputError:
    return InvalidInputError(
        "The address names no place in this list (`cursor`).", next_step="Go back to the first page of the list."
    )
