"""Find what the rules name in a text: one meaning, a bulk engine for whole texts and an online one for streams."""

from __future__ import annotations

from typing import NamedTuple


class Match(NamedTuple):
    """One finding: `start` and `end` (exclusive) in code points of the original text, `rule` an index into the set."""

    start: int
    end: int
    rule: int
