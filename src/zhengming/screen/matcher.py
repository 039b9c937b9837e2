"""Find what the rules name in a text: one meaning, a bulk engine for whole texts and an online one for streams.

The meaning (docs/explanation/matching.md, ADR 0001): of literals every occurrence in the tight stream, overlapping ones
too; of an expression, for each end, the match with the earliest start in the plain stream, if it has its boundaries and
passes its validator. Matches are ordered by end, then the longest, then the gravest, then by rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from zhengming.screen.bulk import scan
from zhengming.screen.expression.automaton import ExpressionSet, Validator
from zhengming.screen.fold import load_fold
from zhengming.screen.literals import LiteralSet
from zhengming.screen.online import Acting, Match, OnlineScan
from zhengming.screen.rule import RuleSet
from zhengming.screen.validators import VALIDATORS

__all__ = ["Acting", "Match", "Matcher", "OnlineScan", "compile_matcher"]


class Matcher:
    """A compiled rule set, shared by all streams and threads.

    `orders` holds each rule's severity, negated; `literals`, `expressions` and `fold` are what the engines run on.
    """

    __slots__ = ("_acting", "expressions", "fold", "literals", "orders", "rules", "version")

    def __init__(self, rules: RuleSet, validators: Mapping[str, Validator]) -> None:
        """Use `compile_matcher`."""
        self.rules = rules
        self.version = rules.version
        self.orders = tuple(-rule.severity for rule in rules.rules)
        self.fold = load_fold()
        self.literals = LiteralSet(rules.rules, self.fold)
        self.expressions = ExpressionSet(rules.rules, self.fold, validators)
        self._acting: dict[frozenset[int], Acting] = {}

    def scan(self, text: str) -> list[Match]:
        """Return all matches in a whole text."""
        return scan(self, text)

    def acting(self, indices: frozenset[int]) -> Acting:
        """Return the set of rules that hold text back, prepared; made once for each set and kept."""
        known = self._acting.get(indices)
        if known is None:
            owners = self.expressions.owner
            states = bytes(self.expressions.expressions[owner].rule in indices for owner in owners)
            known = self._acting[indices] = Acting(indices, self.literals.flags(indices), states)
        return known

    def stream(self, acting: Acting) -> OnlineScan:
        """Begin a stream; `acting` comes from this matcher's `acting`."""
        return OnlineScan(self, acting)


def compile_matcher(rules: RuleSet, validators: Mapping[str, Validator] = VALIDATORS) -> Matcher:
    """Compile a rule set; raise InvalidInputError naming the rule that no text could match or no stream decide."""
    return Matcher(rules, validators)
