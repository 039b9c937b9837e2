"""Rules and policy in force, and a text judged by them without a turn."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import Field, StringConstraints

from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.values import Answer, Body
from zhengming.core.errors import NotFoundError
from zhengming.core.signals import Reason
from zhengming.core.words import Audience, Category, Permission, Surface, Verdict
from zhengming.gateway.rules import Ruling
from zhengming.screen.judge import judge
from zhengming.screen.rule import Rule as ScreenRule

RuleId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,100}$", description="The id of a rule.")]
AnySurface = Annotated[Surface, Field(strict=False)]
AnyAudience = Annotated[Audience, Field(strict=False)]


class Rule(Answer):
    """A rule: a sign in a text, and what it is a sign of. The policy says what is done about it."""

    id: str
    version: str
    category: Category
    severity: int = Field(description="0 (names a harmless phrase) to 4.")
    literals: list[str]
    expression: str
    boundary: bool
    validator: str
    mask: str
    surfaces: list[Surface]
    lang: str
    note: str
    examples: list[str]
    counter_examples: list[str]


class RuleList(Answer):
    """The rules in force, in their order."""

    version: str = Field(description="Of rules and policy together, as ledger entries name it.")
    failure: str = Field(description="Why a newer rule file was not taken; empty when all is well.")
    total: int = Field(description="Rules in force; `rules` may be fewer.")
    rules: list[Rule]


class PolicyRow(Answer):
    """One row; null stands for any. The last row that fits decides."""

    category: Category | None
    surface: Surface | None
    audience: Audience | None
    min_severity: int
    rules: str = Field(description="Prefix of rule ids; empty for every rule.")
    verdict: Verdict


class Policy(Answer):
    """The policy in force."""

    id: str
    version: str
    rows: list[PolicyRow]


class Trial(Body):
    """A text to be judged; it is neither stored nor logged."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"^[^\x00]+$")]
    surface: AnySurface = Surface.INPUT
    audience: AnyAudience = Audience.ADULT


class Finding(Answer):
    """One finding; the span counts code points of the text, null for a scorer, which owns none."""

    rule: str
    version: str
    category: Category
    severity: int
    verdict: Verdict
    start: int | None
    end: int | None
    score: float


class Judgement(Answer):
    """What the rules in force say of the text."""

    verdict: Verdict
    rules_version: str
    policy_version: str
    findings: list[Finding]


async def list_rules(
    call: Asking, category: Annotated[Category | None, Query(description="Only rules of this category.")] = None
) -> RuleList:
    """Read the rules in force."""
    ruling = call.gateway.rules.ruling
    found = ruling.matcher.rules.rules
    return RuleList(
        version=ruling.version,
        failure=call.gateway.rules.failure,
        total=len(found),
        rules=[_rule(one) for one in found if category in {None, one.category}],
    )


async def get_rule(call: Asking, rule_id: RuleId) -> Rule:
    """Read one rule."""
    rules = call.gateway.rules.ruling.matcher.rules
    number = rules.index.get(rule_id)
    if number is None:
        raise NotFoundError(f"No rule {rule_id!r} is in force.", next_step="GET /api/rules lists those that are.")
    return _rule(rules.rules[number])


async def try_rules(call: Asking, body: Trial) -> Judgement:
    """Judge a text in a thread, so that turns go on."""
    return await asyncio.to_thread(_judge, call.gateway.rules.ruling, body)


async def get_policy(call: Asking) -> Policy:
    """Read the policy in force."""
    policy = call.gateway.rules.ruling.policy
    rows = [
        PolicyRow(
            category=one.category,
            surface=one.surface,
            audience=one.audience,
            min_severity=one.min_severity,
            rules=one.rules,
            verdict=one.verdict,
        )
        for one in policy.rows
    ]
    return Policy(id=policy.id, version=policy.version, rows=rows)


def _judge(ruling: Ruling, asked: Trial) -> Judgement:
    found = judge(ruling.matcher, ruling.profile(asked.surface, asked.audience), asked.text, ruling.scorers)
    return Judgement(
        verdict=found.verdict,
        rules_version=found.rules_version,
        policy_version=found.policy_version,
        findings=[_finding(one) for one in found.reasons],
    )


def _finding(reason: Reason) -> Finding:
    signal = reason.signal
    return Finding(
        rule=signal.rule,
        version=signal.version,
        category=signal.category,
        severity=signal.severity,
        verdict=reason.verdict,
        start=signal.span.start if signal.span else None,
        end=signal.span.end if signal.span else None,
        score=signal.score,
    )


def _rule(found: ScreenRule) -> Rule:
    return Rule(
        id=found.id,
        version=found.version,
        category=found.category,
        severity=found.severity,
        literals=list(found.literals),
        expression=found.expression,
        boundary=found.boundary,
        validator=found.validator,
        mask=found.mask,
        surfaces=sorted(found.surfaces),
        lang=found.lang,
        note=found.note,
        examples=list(found.examples),
        counter_examples=list(found.counter_examples),
    )


OPERATIONS: Final = (
    Operation("GET", "/rules", Permission.SEE_RULES, list_rules, "The rules in force, in their order."),
    Operation("GET", "/rules/{rule_id}", Permission.SEE_RULES, get_rule, "One rule."),
    Operation(
        "POST",
        "/rules/try",
        Permission.SEE_RULES,
        try_rules,
        "Judge a text by the rules and the policy in force, without a turn.",
        more="The text is neither stored nor logged, and no model is asked.",
    ),
    Operation("GET", "/policy", Permission.SEE_RULES, get_policy, "The policy in force."),
)
