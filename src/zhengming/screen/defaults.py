"""What ships: the starter library of rules, the default policy and the scorers, read from the package."""

from __future__ import annotations

from zhengming.screen.policy import load_default_policy
from zhengming.screen.rule import RuleSet
from zhengming.screen.rules import load_rules
from zhengming.screen.scorers import load_default_scorers

__all__ = ["load_default_library", "load_default_policy", "load_default_scorers"]


def load_default_library() -> RuleSet:
    """Return the rules of `screen/library/*.yaml` as one set, its version the hash of their content."""
    return load_rules()
