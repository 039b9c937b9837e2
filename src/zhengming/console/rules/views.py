"""The rules and the policy in force, read only, and a place to try a text that is kept nowhere."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from zhengming.console.asked import Asked, Page
from zhengming.console.rules.lately import DAYS, lately
from zhengming.console.rules.listing import KINDS, PAGE, SOURCES, Row, RuleFilter, rows_of, table_of, verdicts_of
from zhengming.core.errors import InvalidInputError, NotFoundError
from zhengming.core.i18n import translate
from zhengming.core.signals import Judgement, Reason
from zhengming.core.words import Audience, Category, Permission, Surface
from zhengming.gateway.rules import mask_text
from zhengming.screen.judge import judge, redacted
from zhengming.web.forms import LARGEST, read_form
from zhengming.web.marks import Mark, Piece, pieces

_LONGEST: Final = 10_000


class Tried(NamedTuple):
    """What a tried text came to: its judgement, the text with marks, and the text with masks."""

    judgement: Judgement
    marked: list[Piece]
    masked: str


async def list_rules(asked: Asked) -> Response:
    """`GET /rules`: the rules in force, narrowed by category, kind, source and text."""
    ruling = asked.console.gateway.rules.ruling
    wanted = RuleFilter.from_query(asked.request.query_params)
    every = await asyncio.to_thread(rows_of, ruling)
    found = [row for row in every if wanted.lets(row)]
    start = _start(asked.request.query_params.get("start", ""))
    return asked.page(
        "rules/list.html",
        rows=found[start : start + PAGE],
        found=len(found),
        every=len(every),
        start=start,
        page=PAGE,
        wanted=wanted,
        categories=tuple(Category),
        kinds=KINDS,
        sources=SOURCES,
        **_facts(asked),
    )


async def see_rule(asked: Asked) -> Response:
    """`GET /rules/{id}`: one rule: what it looks for, what is done about it, its examples."""
    row = await asyncio.to_thread(_named, asked)
    ruling = asked.console.gateway.rules.ruling
    return asked.page(
        "rules/rule.html",
        row=row,
        verdicts=verdicts_of(ruling, row),
        audiences=tuple(Audience),
        mask=mask_text(row.rule, asked.view.language) if row.rule is not None and row.rule.mask else "",
        lately=await lately(asked, row.id),
        days=DAYS,
        **_facts(asked),
    )


async def see_policy(asked: Asked) -> Response:
    """`GET /policy`: what is done about each category, by audience and severity, on one surface."""
    wanted = asked.request.query_params.get("surface", "")
    surface = Surface(wanted) if wanted in set(Surface) else Surface.OUTPUT
    policy = asked.console.gateway.rules.ruling.policy
    return asked.page(
        "rules/policy.html",
        surface=surface,
        surfaces=tuple(Surface),
        audiences=tuple(Audience),
        table=table_of(policy, surface),
        special=[row for row in policy.rows if row.rules and row.surface in {None, surface}],
        **_facts(asked),
    )


async def try_page(asked: Asked) -> Response:
    """`GET /try`: the form."""
    return _tried(asked, "", Audience.ADULT, Surface.OUTPUT, None)


async def try_text(asked: Asked) -> Response:
    """`POST /try`: judge a text; it is neither stored nor logged."""
    form = await read_form(asked.request, limit=LARGEST)
    audience, surface = form.text("audience"), form.text("surface")
    if audience not in set(Audience) or surface not in set(Surface):
        raise InvalidInputError("There is no such audience or surface.", next_step="Choose from the lists.")
    text = form.exact("text", max=100_000).replace("\r\n", "\n")
    problem = "empty" if not text.strip() else "too_long" if len(text) > _LONGEST else ""
    if problem:
        return _tried(asked, text, Audience(audience), Surface(surface), None, problem=problem, status=422)
    tried = await asyncio.to_thread(_judge, asked, text, Audience(audience), Surface(surface))
    return _tried(asked, text, Audience(audience), Surface(surface), tried)


def _judge(asked: Asked, text: str, audience: Audience, surface: Surface) -> Tried:
    ruling = asked.console.gateway.rules.ruling
    judgement = judge(ruling.matcher, ruling.profile(surface, audience), text, ruling.scorers)
    language = asked.view.language
    marks = [
        Mark(
            reason.signal.span.start,
            reason.signal.span.end,
            _label(language, reason),
            str(reason.verdict),
            number,
        )
        for number, reason in enumerate(judgement.reasons, 1)
        if reason.signal.span is not None
    ]
    rules = ruling.matcher.rules
    masked = redacted(text, judgement, lambda signal: mask_text(rules.rules[rules.index[signal.rule]], language))
    return Tried(judgement, pieces(text, marks), masked)


def _label(language: str, reason: Reason) -> str:
    """Say aloud what a mark means, before a page is rendered."""
    category = translate("words", f"Category.{reason.signal.category.value}", language)
    return f"{category}: {translate('words', f'Verdict.{reason.verdict.value}', language)}"


def _tried(
    asked: Asked,
    text: str,
    audience: Audience,
    surface: Surface,
    tried: Tried | None,
    *,
    problem: str = "",
    status: int = 200,
) -> Response:
    return asked.page(
        "rules/try.html",
        status=status,
        text=text,
        audience=audience,
        surface=surface,
        audiences=tuple(Audience),
        surfaces=tuple(Surface),
        tried=tried,
        problem=problem,
        longest=_LONGEST,
        **_facts(asked),
    )


def _named(asked: Asked) -> Row:
    rule_id = asked.request.path_params["id"]
    for row in rows_of(asked.console.gateway.rules.ruling):
        if row.id == rule_id:
            return row
    raise NotFoundError(
        f"No rule in force is called {rule_id[:100]!r}.",
        next_step="It may have stood in an earlier rule set; the turn that names it says which version.",
    )


def _start(text: str) -> int:
    return int(text[:9]) if text.isascii() and text.isdecimal() else 0


def _facts(asked: Asked) -> dict[str, Any]:
    rules = asked.console.gateway.rules
    return {
        "rules_version": rules.ruling.matcher.version,
        "policy_id": rules.ruling.policy.id,
        "policy_version": rules.ruling.policy.version,
        "failure": rules.failure,
    }


_SEE: Final = Permission.SEE_RULES
PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/rules", _SEE, list_rules, "The rules and scorers in force."),
    Page("GET", "/rules/{id}", _SEE, see_rule, "One rule: what it looks for and what is done about it."),
    Page("GET", "/policy", _SEE, see_policy, "What is done about each category, by audience and severity."),
    Page("GET", "/try", _SEE, try_page, "The form to try a text against the rules."),
    Page("POST", "/try", _SEE, try_text, "Judges a text; it is neither stored nor logged."),
)
