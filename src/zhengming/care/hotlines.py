"""Telephone numbers of help: data with hours, source and the date of the last check.

A wrong number fails a person at the worst moment, so two rules hold: a number without a check date is never shown,
and a number is shown for its own region only. An operator's file replaces, hides or adds records by id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from zhengming.core.errors import InvalidInputError
from zhengming.core.i18n import DEFAULT_LANGUAGE, LANGUAGES
from zhengming.core.words import Audience

PACKAGED: Final = Path(__file__).resolve().parent / "data" / "hotlines.yaml"
_NUMBER = re.compile(r"\+?[0-9][0-9 ()-]{1,19}")
_REGION = re.compile(r"[A-Z]{2}")
_MINORS: Final = frozenset({Audience.CHILD, Audience.TEEN})


class HotlineError(InvalidInputError):
    """A file of hotlines cannot be used; the numbers in force stay in force."""

    code = "hotlines_invalid"


class HotlineKind(StrEnum):
    """What a number is for."""

    SUPPORT = "support"
    YOUTH = "youth"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Hotline:
    """One number. `name` and `hours` by language; `hours` empty where they are not known for the whole region."""

    id: str
    region: str
    kind: HotlineKind
    number: str
    name: Mapping[str, str]
    hours: Mapping[str, str]
    source: str
    checked: date | None

    def name_in(self, language: str) -> str:
        """Return the name in a language, the default one for a language that is not kept."""
        return self.name[language if language in LANGUAGES else DEFAULT_LANGUAGE]

    def hours_in(self, language: str) -> str:
        """Return the hours in a language as they may be printed; empty when they are not known."""
        return self.hours.get(language if language in LANGUAGES else DEFAULT_LANGUAGE, "")


class Hotlines:
    """The numbers that may be shown, by region. Immutable."""

    __slots__ = ("_by_region", "records")

    def __init__(self, records: Iterable[Hotline]) -> None:
        self.records = tuple(records)
        self._by_region: dict[str, tuple[Hotline, ...]] = {}
        for record in self.records:
            if record.checked is not None:
                self._by_region[record.region] = (*self._by_region.get(record.region, ()), record)

    def shown(self, region: str, audience: Audience, *, emergency_first: bool = False) -> tuple[Hotline, ...]:
        """Return what may be shown to this audience in this region, in the order of showing; empty when none is known.

        Minors see the youth line first; others do not see it. Emergency numbers stand last, or first on request.
        """
        found = self._by_region.get(region, ())
        youth = [record for record in found if record.kind is HotlineKind.YOUTH and audience in _MINORS]
        support = [record for record in found if record.kind is HotlineKind.SUPPORT]
        emergency = [record for record in found if record.kind is HotlineKind.EMERGENCY]
        return (*emergency, *youth, *support) if emergency_first else (*youth, *support, *emergency)


def load_hotlines(path: Path | None = None) -> Hotlines:
    """Return the packaged numbers, changed by the records of the operator's file when one is given.

    Raises HotlineError, which names the file and the record.
    """
    packaged = _packaged()
    if path is None:
        return packaged
    changed = {record.id: record for record in packaged.records}
    changed.update({record.id: record for record in _records(path)})
    return Hotlines(changed.values())


@cache
def _packaged() -> Hotlines:
    return Hotlines(_records(PACKAGED))


def _records(path: Path) -> list[Hotline]:
    try:
        rows = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"The hotlines in {path} cannot be read: {error}."
        raise HotlineError(message, next_step="Correct the file; the numbers in force stay in force.") from error
    if not isinstance(rows, list):
        message = f"The hotlines in {path} are not a list of records."
        raise HotlineError(message, next_step="Begin each record with `- id:`, as in the packaged hotlines.yaml.")
    records = [_record(row, path) for row in rows]
    if len({record.id for record in records}) < len(records):
        message = f"An id stands twice among the hotlines in {path}."
        raise HotlineError(message, next_step="Give each number its own id.")
    return records


def _record(row: Any, path: Path) -> Hotline:
    name = row.get("id", "?") if isinstance(row, dict) else row
    try:
        record = Hotline(
            id=_text(row["id"]),
            region=_text(row["region"]),
            kind=HotlineKind(row["kind"]),
            number=_text(row["number"]),
            name={language: _text(row["name"][language]) for language in LANGUAGES},
            hours={language: _text(row["hours"][language]) for language in LANGUAGES} if row.get("hours") else {},
            source=_text(row["source"]),
            checked=row.get("checked") or None,
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"The hotline {name!r} in {path} is not complete: {error!r}."
        raise HotlineError(message, next_step="Compare it with a record of the packaged hotlines.yaml.") from error
    if not _REGION.fullmatch(record.region) or not _NUMBER.fullmatch(record.number):
        message = f"The hotline {record.id!r} in {path} has no usable region or number."
        raise HotlineError(message, next_step="Use two capitals (CN) and a quoted number of 2 to 20 digits.")
    if record.checked is not None and type(record.checked) is not date:
        message = f"The hotline {record.id!r} in {path} has no date of its last check: {record.checked!r}."
        raise HotlineError(message, next_step="Write it as 2026-11-21, or leave it empty to hide the number.")
    return record


def _text(value: Any) -> str:
    """A line of text that may be shown; a number without quotes would have lost its leading zero."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        message = f"not one line of text: {value!r}"
        raise ValueError(message)
    return value
