"""What a rule is for, in the reader's language: the rules that ship have it in the catalogues, others in their file."""

from __future__ import annotations

from functools import cache

from zhengming.core.i18n import translate
from zhengming.screen.defaults import load_default_library
from zhengming.screen.rule import Rule


def is_starter(rule: Rule) -> bool:
    """Whether a rule is one that ships, unchanged."""
    return _starter().get(rule.id) == rule


def note_of(rule: Rule, language: str) -> str:
    """Return what a rule is for; the words of its author for a rule that does not ship, empty where there are none."""
    return translate("rule_notes", rule.id, language) if is_starter(rule) else rule.note


@cache
def _starter() -> dict[str, Rule]:
    return {rule.id: rule for rule in load_default_library().rules}
