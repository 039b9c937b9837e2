"""The shared test vectors pass in full, and the copy kept here is the shared one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zhengming.label import provider_code
from zhengming.label.reading import read

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "vectors"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VECTORS / name).read_text("utf-8").splitlines() if line.strip()]


@pytest.mark.parametrize("row", rows("provider_codes.jsonl"), ids=lambda row: row["code"] or "empty")
def test_provider_code(row: dict[str, Any]) -> None:
    reading = provider_code.read(row["code"])
    assert reading.valid is row["valid"]
    assert reading.fault == row.get("fault")
    if row["valid"]:
        assert (reading.service, reading.uscc) == (row["service"], row["uscc"])
        assert reading.warnings == (("subject_type_unknown",) if reading.uscc is None else ())


@pytest.mark.parametrize("row", rows("aigc_metadata.jsonl"), ids=lambda row: row["case"])
def test_aigc_metadata(row: dict[str, Any]) -> None:
    for raw in (row["raw"], row["raw"].encode()):
        reading = read(raw)
        assert reading.verdict == row["verdict"]
        assert list(reading.faults) in (sorted(row["faults"]), sorted(row.get("also", row["faults"])))
        assert list(reading.warnings) == sorted(row.get("warnings", []))
        assert read(raw, strict=True).verdict == row.get("strict", row["verdict"])


def test_there_are_as_many_rows_as_when_they_were_copied() -> None:
    assert (len(rows("provider_codes.jsonl")), len(rows("aigc_metadata.jsonl"))) == (20, 44)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared vectors do not lie beside the project")
def test_the_copy_equals_the_shared_vectors() -> None:
    for name in ("provider_codes.jsonl", "aigc_metadata.jsonl"):
        assert (VECTORS / name).read_bytes() == (SHARED / name).read_bytes(), name
