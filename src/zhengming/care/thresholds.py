"""The thresholds of care: data with a version, read from a packaged file or the operator's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Audience, CareAxis, CareLevel, Category

PACKAGED: Final = Path(__file__).resolve().parent / "data" / "thresholds.yaml"
MAX_SEVERITY: Final = 4


class ThresholdsError(InvalidInputError):
    """A thresholds file cannot be used; the one in force stays in force."""

    code = "care_thresholds_invalid"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From signals to levels and from levels to help. See `data/thresholds.yaml` for what each value means."""

    version: str
    axes: Mapping[Category, CareAxis]
    levels: tuple[CareLevel, ...]
    several_severity: int
    several_count: int
    several_level: CareLevel
    scorer_limit: CareLevel
    prepared_from: Mapping[Audience, CareLevel]
    offer_from: Mapping[Audience, CareLevel]
    gap_again: int
    gap_quiet: int
    follow_ups: int


def load_thresholds(path: Path | None = None) -> Thresholds:
    """Return the packaged thresholds, or those of the operator's file.

    Raises ThresholdsError for a file that is not complete, or that would answer danger without a prepared text.
    """
    return _packaged() if path is None else _load(path)


@cache
def _packaged() -> Thresholds:
    return _load(PACKAGED)


def _load(path: Path) -> Thresholds:
    try:
        thresholds = _parse(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"The care thresholds in {path} cannot be read: {error!r}."
        raise ThresholdsError(message, next_step="Compare the file with the packaged thresholds.yaml.") from error
    _check(thresholds, path)
    return thresholds


def _parse(data: Any) -> Thresholds:
    levels = {int(severity): CareLevel(level) for severity, level in data["levels"].items()}
    gaps = data["gaps"]
    audiences = {Audience(name): row for name, row in data["audiences"].items()}
    return Thresholds(
        version=str(data["version"]),
        axes={Category(category): CareAxis(axis) for category, axis in data["categories"].items()},
        levels=tuple(levels[severity] for severity in range(MAX_SEVERITY + 1)),
        several_severity=int(data["several"]["severity"]),
        several_count=int(data["several"]["count"]),
        several_level=CareLevel(data["several"]["level"]),
        scorer_limit=CareLevel(data["scorer_limit"]),
        prepared_from={audience: CareLevel(audiences[audience]["prepared_from"]) for audience in Audience},
        offer_from={audience: CareLevel(audiences[audience]["offer_from"]) for audience in Audience},
        gap_again=int(gaps["again"]),
        gap_quiet=int(gaps["quiet"]),
        follow_ups=int(gaps["follow_ups"]),
    )


def _check(thresholds: Thresholds, path: Path) -> None:
    problem = ""
    if thresholds.axes.get(Category.SELF_HARM) is not CareAxis.SELF_HARM:
        problem = "signals of self-harm must speak for the axis of self-harm"
    elif max(thresholds.prepared_from.values()) > CareLevel.DANGER:
        problem = "a prepared text must answer from level 3 (danger) at the latest"
    elif any(thresholds.offer_from[audience] > thresholds.prepared_from[audience] for audience in Audience):
        problem = "help must be offered at the level of the prepared text at the latest"
    elif list(thresholds.levels) != sorted(thresholds.levels) or thresholds.levels[-1] < CareLevel.DANGER:
        problem = "a graver signal must not give a lower level, and the gravest must give danger"
    elif min(thresholds.several_count, thresholds.gap_again, thresholds.gap_quiet, thresholds.follow_ups) < 1:
        problem = "`count` and the gaps must be 1 or more"
    if problem:
        message = f"The care thresholds in {path} cannot be used: {problem}."
        raise ThresholdsError(message, next_step="Correct the value; the thresholds in force stay in force.")
