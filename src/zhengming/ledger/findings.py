"""What a verification found, named, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

SHOWN: Final = 1000


class Kind(StrEnum):
    """What is wrong at a place of the ledger."""

    CHANGED = "changed"
    REMOVED = "removed"
    REORDERED = "reordered"
    INSERTED = "inserted"
    NODE = "wrong node"
    HEAD = "wrong head"


class Finding(NamedTuple):
    """One thing that is wrong: `place` is a seq, a range of seqs, a node or the head."""

    kind: Kind
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a verification.

    `size` and `root` (hex) are of the head, `checked` counts the entries read. `findings` are the first of `total`.
    """

    size: int
    root: str
    checked: int
    findings: tuple[Finding, ...]
    total: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.total == 0


class Findings:
    """Collects findings; runs of removed rows become one."""

    def __init__(self) -> None:
        self.list: list[Finding] = []
        self.total = 0
        self._gap: tuple[int, int] | None = None

    def add(self, kind: Kind, place: str, message: str) -> None:
        """Note one finding; beyond :data:`SHOWN` they are only counted."""
        self.total += 1
        if len(self.list) < SHOWN:
            self.list.append(Finding(kind, place, message))

    def removed(self, start: int, end: int) -> None:
        """Note that the rows from `start` to `end` - 1 are missing; touching runs are joined."""
        if self._gap is not None and self._gap[1] == start:
            start = self._gap[0]
        else:
            self.flush()
        self._gap = (start, end)

    def flush(self) -> None:
        """Write down the last run of removed rows."""
        if self._gap is not None:
            start, end = self._gap
            self._gap = None
            if end - start == 1:
                self.add(Kind.REMOVED, f"entry {start}", "the row is missing")
            else:
                self.add(Kind.REMOVED, f"entries {start} to {end - 1}", f"{end - start} rows are missing")
