"""Randomness for ids, salts and nonces: the operating system's, drawn in one call for many uses.

A turn needs some 150 random bytes in six places; one system call for each costs more than all of its hashing.
"""

from __future__ import annotations

import os
import threading
from typing import Final

_BLOCK: Final = 4_096


class _Pool:
    """A block of random bytes that is given out once, piece by piece; a forked child begins with a block of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._block = b""
        self._used = 0

    def draw(self, count: int) -> bytes:
        if count > _BLOCK:
            return os.urandom(count)
        with self._lock:
            start = self._used
            if start + count > len(self._block):
                self._block, start = os.urandom(_BLOCK), 0
            self._used = start + count
            return self._block[start : start + count]

    def reset(self) -> None:
        self._lock = threading.Lock()
        self._block, self._used = b"", 0


_pool: Final = _Pool()
os.register_at_fork(after_in_child=_pool.reset)


def random_bytes(count: int) -> bytes:
    """Return `count` unpredictable bytes that nobody else gets; safe for threads and after a fork."""
    return _pool.draw(count)
