"""What the judging core says about a content: signals, spans and judgements."""

from __future__ import annotations

from typing import NamedTuple

from zhengming.core.words import Category, Verdict


class Span(NamedTuple):
    """A half-open range of code points of the original text."""

    start: int
    end: int


class Signal(NamedTuple):
    """One finding about a content.

    `severity` is 0 to 4; `span` is in code points of the original text, None for a scorer, which owns no span;
    `rule` and `version` explain the finding; `score` is 1.0 for an exact rule.
    """

    category: Category
    severity: int
    rule: str
    version: str
    span: Span | None = None
    score: float = 1.0


class Reason(NamedTuple):
    """A signal together with the verdict that the policy drew from it."""

    signal: Signal
    verdict: Verdict


class Judgement(NamedTuple):
    """The verdict on one content, with every reason that led to it, in text order."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    rules_version: str
    policy_version: str
