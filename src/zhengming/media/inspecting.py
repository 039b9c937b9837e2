"""Ask a file what it is: which implicit labels it carries, whether they agree, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from zhengming.core.errors import ZhengmingError
from zhengming.label.aigc import KEYS
from zhengming.label.files.base import FileFault, Scan, Site
from zhengming.label.files.formats import recognise
from zhengming.label.reading import AigcReading, LabelVerdict, read
from zhengming.media.buffers import opened


class Tier(StrEnum):
    """What is concluded about the content (Labelling Measures, Art. 6)."""

    IS = "is"
    MAY_BE = "may_be"
    SUSPECTED = "suspected"
    NONE = "none"
    CANNOT_TELL = "cannot_tell"


_TIERS: Final = {"1": Tier.IS, "2": Tier.MAY_BE, "3": Tier.SUSPECTED}
_UNREADABLE: Final = frozenset({FileFault.TRUNCATED, FileFault.MALFORMED, FileFault.TOO_MANY_PARTS})


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of a file. `verdict` speaks of the implicit label alone; codes are sorted, each once."""

    path: Path
    format: str
    tier: Tier
    verdict: LabelVerdict
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    aigc: dict[str, str] | None
    evidence: tuple[dict[str, Any], ...]
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """The members that scripts count on; `manifest` is None: manifests are not read yet."""
        return {
            "file": str(self.path),
            "format": self.format,
            "tier": str(self.tier),
            "verdict": str(self.verdict),
            "faults": list(self.faults),
            "warnings": list(self.warnings),
            "aigc": self.aigc,
            "manifest": None,
            "evidence": list(self.evidence),
            **({"error": self.error} if self.error else {}),
        }


def inspect_file(path: Path) -> Inspection:
    """Return what is known of a file; one that cannot be read is `inconclusive`, never an exception."""
    try:
        with opened(path) as data:
            found = recognise(data, path.name)
            scan = found.scan(data)
    except ZhengmingError as error:
        return Inspection(
            path, "", Tier.CANNOT_TELL, LabelVerdict.INCONCLUSIVE, (error.code,), (), None, (), error=str(error)
        )
    return _concluded(path, found.name, scan)


def _concluded(path: Path, name: str, scan: Scan) -> Inspection:
    readings = [(site, read(site.raw)) for site in scan.sites]
    faults = {str(fault) for fault in scan.faults}
    faults |= {str(fault) for _, reading in readings for fault in reading.faults}
    distinct = {reading.fields for _, reading in readings if reading.fields is not None}
    if len(distinct) > 1:
        faults.add(str(FileFault.LABELS_DISAGREE))
    first = readings[0][1] if readings else None
    fields = first.fields if first is not None else None
    return Inspection(
        path,
        name,
        _tier_of(first, scan),
        _verdict_of(readings, scan, faults),
        tuple(sorted(faults)),
        tuple(sorted({str(remark) for _, reading in readings for remark in reading.warnings})),
        None if fields is None else dict(zip(KEYS, fields.values(), strict=True)),
        tuple(_evidence(site, reading) for site, reading in readings),
    )


def _tier_of(first: AigcReading | None, scan: Scan) -> Tier:
    if first is not None and first.fields is not None:
        return _TIERS.get(first.fields.label, Tier.CANNOT_TELL)
    if first is not None or _UNREADABLE & set(scan.faults):
        return Tier.CANNOT_TELL
    return Tier.NONE


def _verdict_of(readings: list[tuple[Site, AigcReading]], scan: Scan, faults: set[str]) -> LabelVerdict:
    if _UNREADABLE & set(scan.faults):
        return LabelVerdict.INCONCLUSIVE
    if not readings:
        return LabelVerdict.NOT_FOUND
    passed_over = {str(FileFault.TRAILING_DATA), str(FileFault.CHECKSUM_MISMATCH)}
    return LabelVerdict.NONCOMPLIANT if faults - passed_over else LabelVerdict.COMPLIANT


def _evidence(site: Site, reading: AigcReading) -> dict[str, Any]:
    return {
        "kind": "metadata",
        "slot": site.slot,
        "official": site.official,
        "verdict": str(reading.verdict),
        "bytes": [site.start, site.end],
    }
