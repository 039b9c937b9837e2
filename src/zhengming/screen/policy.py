"""What is done about a signal: policy as data, and the same policy compiled for one rule set, surface and audience.

A policy is a list of rows `category, surface, audience, min_severity, verdict` with `any` as a wildcard and, if wanted,
a `rules` prefix of rule ids. The **last** row that fits decides, so a file reads from the general to the particular.
`severity` 0 never reaches a row: a rule of severity 0 names harmless phrases (see :mod:`zhengming.screen.judge`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import yaml

from zhengming.core.errors import InvalidInputError
from zhengming.core.signals import Signal
from zhengming.core.words import Audience, Category, Surface, Verdict
from zhengming.screen.rule import MAX_SEVERITY, RuleSet
from zhengming.screen.safe_yaml import parse

ANY: Final = "any"
ACTING: Final = frozenset({Verdict.REDACT, Verdict.REPLACE, Verdict.BLOCK, Verdict.STOP})
"""Verdicts that change what is shown; a stream holds text back for them and for no others."""

_PASSIVE: Final = frozenset({Verdict.ALLOW, Verdict.ANNOTATE, Verdict.ESCALATE})
VERDICTS_OF: Final[Mapping[Surface, frozenset[Verdict]]] = {
    Surface.INPUT: _PASSIVE | {Verdict.REDACT, Verdict.REPLACE, Verdict.BLOCK},
    Surface.OUTPUT: _PASSIVE | {Verdict.REDACT, Verdict.REPLACE, Verdict.STOP},
    Surface.UPLOAD: _PASSIVE | {Verdict.REDACT, Verdict.BLOCK},
    Surface.CORPUS: _PASSIVE | {Verdict.REDACT, Verdict.BLOCK},
}
"""Which verdicts a surface can carry out: a request has no stream to stop, an answer no model left to keep it from."""

CARE_FIRST: Final = frozenset({Verdict.ALLOW, Verdict.ANNOTATE, Verdict.ESCALATE})
"""All that a policy may say about signs of self-harm in what a person writes: a person in danger meets help."""


class Judged(Protocol):
    """What a verdict can be asked for: a rule or a scorer."""

    @property
    def id(self) -> str:
        """Stable id."""

    @property
    def category(self) -> Category:
        """What it is a sign of."""

    @property
    def severity(self) -> int:
        """How grave, 0 to 4."""


class Row(NamedTuple):
    """One row of a policy; None stands for any category, surface or audience."""

    category: Category | None
    surface: Surface | None
    audience: Audience | None
    min_severity: int
    verdict: Verdict
    rules: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """Signals x surface x audience -> verdict. An empty `version` becomes the short hash of the rows.

    Raises InvalidInputError when a row asks a surface for something that it cannot do, when self-harm in what a person
    writes would be refused, or when some category, surface, audience and severity has no row.
    """

    id: str
    rows: tuple[Row, ...]
    version: str = ""

    def __post_init__(self) -> None:
        """Refuse a policy with a hole, and settle the version."""
        for number, row in enumerate(self.rows, 1):
            _check_row(row, f"policy {self.id!r}, row {number}")
        if not self.version:
            content = json.dumps(self.rows, ensure_ascii=True, separators=(",", ":"))
            object.__setattr__(self, "version", hashlib.sha256(content.encode()).hexdigest()[:12])
        _check_whole(self)

    def verdict(self, subject: Judged | Signal, surface: Surface, audience: Audience) -> Verdict:
        """Return what is done about a rule, scorer or signal; `allow` for severity 0."""
        rule = subject.rule if isinstance(subject, Signal) else subject.id
        return self.look_up(subject.category, subject.severity, rule, surface, audience)

    def look_up(self, category: Category, severity: int, rule: str, surface: Surface, audience: Audience) -> Verdict:
        """Return the verdict of the last row that fits; `allow` for severity 0."""
        if severity == 0:
            return Verdict.ALLOW
        for row in reversed(self.rows):
            if (
                severity >= row.min_severity
                and row.category in {None, category}
                and row.surface in {None, surface}
                and row.audience in {None, audience}
                and rule.startswith(row.rules)
            ):
                return row.verdict
        message = f"policy {self.id!r} has no row for {category}, {surface}, {audience}, severity {severity}"
        raise InvalidInputError(message, next_step="Add a row for `any` at the top.")


@dataclass(frozen=True, slots=True)
class Profile:
    """A policy compiled for one rule set on one surface for one audience.

    `verdicts` has one verdict a rule, by index; `allow` means that the rule is not looked at here and leaves no note.
    `acting` are the rules that change what is shown, `exempting` those of severity 0 that are looked at here.
    """

    policy: Policy
    surface: Surface
    audience: Audience
    rules_version: str
    verdicts: tuple[Verdict, ...]
    acting: frozenset[int]
    exempting: frozenset[int]
    _scored: dict[str, Verdict] = field(default_factory=dict, repr=False, compare=False)

    @property
    def policy_version(self) -> str:
        """The version of the policy, for the record."""
        return self.policy.version

    def verdict_of(self, scorer: Judged) -> Verdict:
        """Return what is done about a scorer's signal here."""
        verdict = self._scored.get(scorer.id)
        if verdict is None:
            verdict = self._scored[scorer.id] = self.policy.verdict(scorer, self.surface, self.audience)
        return verdict


def compile_profile(policy: Policy, ruleset: RuleSet, surface: Surface, audience: Audience) -> Profile:
    """Return the verdict of every rule of the set on this surface for this audience."""
    cache: dict[tuple[Category, int, str], Verdict] = {}
    prefixes = tuple({row.rules for row in policy.rows if row.rules})
    verdicts: list[Verdict] = []
    exempting: list[int] = []
    for number, rule in enumerate(ruleset.rules):
        if surface not in rule.surfaces:
            verdicts.append(Verdict.ALLOW)
            continue
        if rule.severity == 0:
            exempting.append(number)
        key = (rule.category, rule.severity, rule.id if rule.id.startswith(prefixes) else "")
        if key not in cache:
            cache[key] = policy.verdict(rule, surface, audience)
        verdicts.append(cache[key])
    acting = frozenset(number for number, verdict in enumerate(verdicts) if verdict in ACTING)
    return Profile(policy, surface, audience, ruleset.version, tuple(verdicts), acting, frozenset(exempting))


def load_default_policy() -> Policy:
    """Return the policy that ships: `screen/policies/default.yaml`."""
    text = resources.files("zhengming.screen").joinpath("policies", "default.yaml").read_text("utf-8")
    return parse_policy(text, "default.yaml")


def load_policy(path: Path | str) -> Policy:
    """Return the policy of a YAML file. Raises InvalidInputError naming the file and row that is wrong."""
    place = Path(path)
    try:
        text = place.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"policy file {place} cannot be read: {error}", next_step="Check the path.") from error
    return parse_policy(text, place.name)


def parse_policy(text: str, place: str) -> Policy:
    """Return the policy of a YAML text with `id`, `rows` and, if wanted, `version`; `place` serves the error's text."""
    try:
        content = parse(text)
    except yaml.YAMLError as error:
        raise InvalidInputError(f"{place} is not YAML: {error}", next_step="Correct the place named.") from error
    if not isinstance(content, Mapping) or not isinstance(content.get("rows"), Sequence) or not content.get("id"):
        raise InvalidInputError(f"{place} has no `id` and `rows`", next_step="Write `id: name` and `rows:`.")
    rows = tuple(_row(record, f"{place}, row {number}") for number, record in enumerate(content["rows"], 1))
    return Policy(str(content["id"]), rows, str(content.get("version", "")))


def _row(record: object, place: str) -> Row:
    fields = ("category", "surface", "audience", "min_severity", "verdict")
    if not isinstance(record, Sequence) or isinstance(record, str) or not len(fields) <= len(record) <= len(fields) + 1:
        raise InvalidInputError(f"{place} is not a list", next_step=f"Write [{', '.join(fields)}] and maybe a prefix.")
    category, surface, audience, severity, verdict, *prefix = record
    if type(severity) is not int or not 1 <= severity <= MAX_SEVERITY:
        raise InvalidInputError(f"{place}: {severity!r} is no severity", next_step=f"Use 1 to {MAX_SEVERITY}.")
    return Row(
        _word(Category, category, place),
        _word(Surface, surface, place),
        _word(Audience, audience, place),
        severity,
        _one(Verdict, verdict, place),
        str(prefix[0]) if prefix else "",
    )


def _word(kind: Any, value: object, place: str) -> Any:
    return None if value == ANY else _one(kind, value, place)


def _one(kind: Any, value: object, place: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        message = f"{place}: {value!r} is no {kind.__name__.lower()}"
        raise InvalidInputError(message, next_step=f"Use one of: {', '.join(kind)}.") from None


def _check_row(row: Row, place: str) -> None:
    for surface in Surface if row.surface is None else (row.surface,):
        if row.verdict not in VERDICTS_OF[surface]:
            possible = ", ".join(sorted(VERDICTS_OF[surface]))
            raise InvalidInputError(f"{place}: {surface} cannot {row.verdict}", next_step=f"Use one of: {possible}.")


def _check_whole(policy: Policy) -> None:
    """Look at every answer once: each must exist, and care comes first in what a person writes."""
    prefixes = sorted({row.rules for row in policy.rows} | {""})
    severities = range(1, MAX_SEVERITY + 1)
    for category, surface, audience in product(Category, Surface, Audience):
        for severity, prefix in product(severities, prefixes):
            verdict = policy.look_up(category, severity, prefix, surface, audience)
            if category is Category.SELF_HARM and surface is Surface.INPUT and verdict not in CARE_FIRST:
                raise InvalidInputError(
                    f"policy {policy.id!r} would {verdict} signs of self-harm in what a person writes",
                    next_step="Use annotate or escalate: a person in danger meets help, never a refusal.",
                )
