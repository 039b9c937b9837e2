"""What a verification found, as texts that people read: the kind and the place, each by the key of its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from zhengming.ledger.findings import Finding

_PLACES: Final = (
    ("entry", re.compile(r"entry (?P<seq>-?\d+)")),
    ("entries", re.compile(r"entries (?P<first>\d+) to (?P<last>\d+)")),
    ("node", re.compile(r"node \(level (?P<level>\d+), (?P<idx>\d+)\) over entries (?P<first>\d+) to (?P<last>\d+)")),
    ("head", re.compile(r"head")),
    ("noted", re.compile(r"noted head")),
)


class Fault(NamedTuple):
    """One fault: texts `ledger_pages:fault.<kind>` and `ledger_pages:place.<place>` with `values`.

    `seq` is the entry that it concerns, None unless it is one; `detail` is the finding's own words, in English.
    """

    kind: str
    place: str
    values: Mapping[str, str]
    seq: int | None
    detail: str


def in_words(finding: Finding) -> Fault:
    """Return a finding as texts; a place of a later release stands as it is."""
    kind = finding.kind.value.replace(" ", "_")
    for name, pattern in _PLACES:
        found = pattern.fullmatch(finding.place)
        if found is not None:
            values = found.groupdict()
            seq = int(values["seq"]) if name == "entry" else None
            return Fault(kind, name, values, seq, finding.message)
    return Fault(kind, "other", {"place": finding.place}, None, finding.message)
