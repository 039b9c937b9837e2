"""Where in a JSON text we are: what may come next, and what would close everything that is open (RFC 8259)."""

from __future__ import annotations

from enum import Enum
from typing import Final

MAX_DEPTH: Final = 512  # deeper than any tool's arguments; most parsers give up at about 1,000
WHITESPACE: Final = frozenset(" \t\n\r")


class Expect(Enum):
    """What may come next."""

    VALUE = "a value"
    FIRST_VALUE = "a value or ]"
    FIRST_KEY = "a key or }"
    KEY = "a key"
    COLON = "a colon"
    AFTER = "a comma or the end of what is open"
    END = "nothing, or another document"


class Structure:
    """Follows the punctuation of a JSON text. No recursion: what is open is a list of the characters that close it."""

    __slots__ = ("_open", "expect")

    def __init__(self) -> None:
        self._open: list[str] = []
        self.expect = Expect.VALUE

    def punctuation(self, character: str) -> bool:
        """Take one of `{}[]:,`; return whether JSON allows it here (nothing is changed when not)."""
        expect = self.expect
        if character in "{[":
            return self._begin(character)
        if character in "}]":
            first = Expect.FIRST_KEY if character == "}" else Expect.FIRST_VALUE
            if not self._open or self._open[-1] != character or expect not in {Expect.AFTER, first}:
                return False
            self._open.pop()
            self.value()
            return True
        if character == "," and expect is Expect.AFTER:
            self.expect = Expect.KEY if self._open[-1] == "}" else Expect.VALUE
            return True
        if character == ":" and expect is Expect.COLON:
            self.expect = Expect.VALUE
            return True
        return False

    def _begin(self, character: str) -> bool:
        if self.expect not in {Expect.VALUE, Expect.FIRST_VALUE, Expect.END} or len(self._open) >= MAX_DEPTH:
            return False
        self._open.append("}" if character == "{" else "]")
        self.expect = Expect.FIRST_KEY if character == "{" else Expect.FIRST_VALUE
        return True

    def may_be_value(self) -> bool:
        """Whether a number, a literal name or a string that is a value may begin here."""
        return self.expect in {Expect.VALUE, Expect.FIRST_VALUE}

    def may_be_key(self) -> bool:
        """Whether a string that is a key may begin here."""
        return self.expect in {Expect.KEY, Expect.FIRST_KEY}

    def may_end(self, character: str) -> bool:
        """Whether this character may follow a value that is complete."""
        return bool(self._open) and character in {",", self._open[-1]}

    def value(self) -> None:
        """A value is complete."""
        self.expect = Expect.AFTER if self._open else Expect.END

    def key(self) -> None:
        """A key is complete."""
        self.expect = Expect.COLON

    def closing(self) -> str:
        """Return what makes valid JSON of a text that ends with a key or a value: all that is open, closed."""
        return (":null" if self.expect is Expect.COLON else "") + "".join(reversed(self._open))
