"""Rules as data: the record, the set, and nothing that reads or runs them.

A rule says what a piece of text is a sign of; the policy says what is done about it. `screen.rules` reads rules from
YAML and CSV, `screen.matcher` compiles a set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Category, Surface

ALL_SURFACES: Final[frozenset[Surface]] = frozenset(Surface)
MAX_SEVERITY: Final = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a sign in a text, and what it is a sign of.

    A rule has either `literals` or one `expression`, never both. `boundary` asks that no Latin letter or digit touches
    the match on either side (one character looked at); literals have it anyway at an end that is a letter or digit.
    `validator` names a function of `screen.validators` that the matched folded text of an expression must pass.
    `mask` is the kind of mask shown when the match is redacted; empty means the category's id.
    `surfaces` are the places where the rule is looked at; elsewhere its verdict is always `allow`.
    `examples` must match and `counter_examples` must not: a test holds both for every rule that ships.
    """

    id: str
    version: str
    category: Category
    severity: int
    literals: tuple[str, ...] = ()
    expression: str = ""
    boundary: bool = False
    validator: str = ""
    mask: str = ""
    surfaces: frozenset[Surface] = ALL_SURFACES
    lang: str = ""
    note: str = ""
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in a fixed order (a match names a rule by its index) under one version.

    Raises InvalidInputError when two rules share an id. An empty `version` becomes the short hash of the content.
    """

    rules: tuple[Rule, ...]
    version: str = ""
    index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the rules by id and settle the version."""
        index: dict[str, int] = {}
        for number, rule in enumerate(self.rules):
            if index.setdefault(rule.id, number) != number:
                raise InvalidInputError(
                    f"rule id {rule.id!r} stands twice in the rule set", next_step="Give each rule an id of its own."
                )
        object.__setattr__(self, "index", index)
        if not self.version:
            object.__setattr__(self, "version", content_version(self.rules))

    def __len__(self) -> int:
        return len(self.rules)


def content_version(rules: Iterable[Rule]) -> str:
    """Return 12 hexadecimal digits that change whenever what the rules match or mean changes.

    Notes and examples are left out: they explain a rule and do not change a verdict.
    """
    digest = hashlib.sha256()
    for rule in rules:
        meaning = (
            rule.id,
            rule.version,
            rule.category.value,
            rule.severity,
            rule.literals,
            rule.expression,
            rule.boundary,
            rule.validator,
            rule.mask,
            sorted(surface.value for surface in rule.surfaces),
        )
        digest.update(json.dumps(meaning, ensure_ascii=True, separators=(",", ":")).encode())
        digest.update(b"\n")
    return digest.hexdigest()[:12]
