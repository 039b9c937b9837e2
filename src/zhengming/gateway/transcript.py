"""What was really shown in one turn, and the commitment to it.

The transcript is the texts in the order in which they were handed to the client's socket, label and notices included.
A channel (`0/content`, `0/tool/1`) is named whenever it changes: RS channel US text, in UTF-8. RS and US are the ASCII
separators 0x1E and 0x1F; the text itself is not escaped, since nobody has to parse it, only to hash it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from zhengming.gateway.wire.base import Shown

CHANNEL_MARK: Final = "\x1e"


class Transcript:
    """Collects shown texts and keeps `SHA-256(salt || shown)` up to date, so that a prefix costs one hash copy."""

    __slots__ = ("_channel", "_hash", "_parts", "_texts", "characters", "salt")

    def __init__(self, salt: bytes) -> None:
        self.salt = salt
        self.characters = 0
        self._hash = hashlib.sha256(salt)
        self._parts: list[bytes] = []
        self._texts: list[Shown] = []
        self._channel = ""

    def add(self, shown: Iterable[Shown]) -> None:
        """Append texts that the client's socket has taken."""
        for one in shown:
            channel, text = one
            if not text:
                continue
            self._texts.append(one)
            piece = text.encode("utf-8", "surrogatepass")
            if channel != self._channel:
                self._channel = channel
                piece = f"{CHANNEL_MARK}{channel}\x1f".encode("utf-8", "surrogatepass") + piece
            self._hash.update(piece)
            self._parts.append(piece)
            self.characters += len(text)

    def commitment(self) -> str:
        """The commitment to everything added so far, in hex."""
        return self._hash.copy().hexdigest()

    def channels(self) -> dict[str, str]:
        """The shown text by channel, our label and notices in it."""
        found: dict[str, list[str]] = {}
        for channel, text in self._texts:
            found.setdefault(channel, []).append(text)
        return {channel: "".join(parts) for channel, parts in found.items()}

    def shown(self) -> bytes:
        """The committed bytes themselves."""
        return b"".join(self._parts)
