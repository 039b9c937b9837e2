"""A turn told in words: one sentence, what acted and why, and what happened when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from zhengming.console.rules.notes import is_starter, note_of
from zhengming.core.words import Surface, Verdict
from zhengming.gateway import records
from zhengming.gateway.records import Ending
from zhengming.gateway.rules import Ruling
from zhengming.gateway.turns.detail import TurnDetail, TurnSignal
from zhengming.web.view import CURRENT, meaning_of, number, span, t, tn, word_of

NOTHING_DONE: Final = frozenset({"", Verdict.ALLOW})
FEW: Final = 4
"""So many signs of progress stand in the timeline; of more, the first and the last."""
_OUTCOMES: Final = {
    Ending.SERVED: "ok",
    Ending.STOPPED: "bad",
    Ending.HELP: "note",
    Ending.NOTICE: "note",
    Ending.REFUSED: "warn",
    Ending.FAILED: "bad",
}


class Acted(NamedTuple):
    """A finding with what the rules in force say about its rule.

    `known`: the rule is in force in this process; `same`: in the very version that acted. `kind` is `phrases`,
    `pattern`, `scorer` or empty; `note` says what it is for, in the reader's language when it `ships` and else in its
    author's; `linked`: it has a page of its own.
    """

    signal: TurnSignal
    number: int
    known: bool
    same: bool
    kind: str
    phrases: int
    note: str
    linked: bool
    ships: bool = False


def acted(turn: TurnDetail, ruling: Ruling) -> list[Acted]:
    """Return every finding of a turn with its rule, numbered from 1 as the footnotes are."""
    return [_acted(signal, number, ruling) for number, signal in enumerate(turn.signals, 1)]


def _acted(signal: TurnSignal, number: int, ruling: Ruling) -> Acted:
    rules = ruling.matcher.rules
    if signal.rule in rules.index:
        rule = rules.rules[rules.index[signal.rule]]
        same = signal.rule_version in {rule.version, rules.version}
        kind = "phrases" if rule.literals else "pattern"
        note = note_of(rule, CURRENT.get().language)
        return Acted(signal, number, True, same, kind, len(rule.literals), note, True, is_starter(rule))
    scorer = next((one for one in ruling.scorers if one.id == signal.rule), None)
    if scorer is not None:
        return Acted(signal, number, True, scorer.version == signal.rule_version, "scorer", 0, "", False)
    return Acted(signal, number, False, False, "", 0, "", False)


def deciding(turn: TurnDetail) -> TurnSignal | None:
    """Return the finding that decided how the turn went: the first of the gravest verdict.

    The answer comes before the request, since an answer is judged only when the request went through.
    """
    for surface, verdict in ((Surface.OUTPUT, turn.row.verdict_output), (Surface.INPUT, turn.row.verdict_input)):
        if verdict not in NOTHING_DONE:
            found = next((one for one in turn.signals if (one.surface, one.verdict) == (surface, verdict)), None)
            if found is not None:
                return found
    return None


def decisive(turn: TurnDetail) -> bool:
    """Whether the finding of :func:`deciding` is why the turn went as it did; some are only noted beside a failure."""
    found = deciding(turn)
    if found is None or turn.row.outcome in {Ending.FAILED, Ending.CLIENT_GONE}:
        return False
    return turn.row.outcome == Ending.HELP or found.verdict not in {Verdict.ANNOTATE, Verdict.ESCALATE}


def sentence(turn: TurnDetail) -> str:
    """Say in one sentence how the turn was answered."""
    row = turn.row
    found = deciding(turn)
    about = word_of("Category", found.category) if found is not None else ""
    if row.state == records.INTERRUPTED:
        return t("turns:say.interrupted")
    if row.outcome == Ending.STOPPED and found is not None:
        return t("turns:say.stopped_about", category=about)
    if row.outcome == Ending.SERVED and found is not None:
        key = f"turns:say.served_{found.surface}_{found.verdict}"
        return _or(key, "turns:say.served_noted", category=about)
    if row.outcome in {Ending.NOTICE, Ending.REFUSED} and row.verdict_input == Verdict.BLOCK and found is not None:
        return t("turns:say.blocked", category=about)
    if row.outcome == Ending.FAILED and not row.upstream:
        return t("turns:say.failed_unasked")
    return _or(f"turns:say.{row.outcome}", "turns:say.other", category=about)


def _or(key: str, otherwise: str, **values: object) -> str:
    try:
        return t(key, **values)
    except KeyError:
        return t(otherwise, **values)


def timeline(turn: TurnDetail) -> list[dict[str, Any]]:
    """Return what happened when, as the component `ui.timeline` takes it."""
    row = turn.row
    opened = t(
        "turns:time.opened.text",
        service=row.service_name,
        api=_or(f"turns:api.{row.api}", "turns:api.other"),
        audience=word_of("Audience", row.audience),
    )
    items: list[dict[str, Any]] = [_item(row.opened_at, "quiet", "turns:time.opened", opened)]
    items += _findings(turn, Surface.INPUT, row.verdict_input, row.opened_at)
    if row.first_byte_ms is not None:
        text = t("turns:time.first.text", waited=span(row.first_byte_ms))
        items.append(_item(row.opened_at + row.first_byte_ms, "note", "turns:time.first", text))
    for one in turn.progress if len(turn.progress) <= FEW else (turn.progress[0], turn.progress[-1]):
        text = tn("turns:time.progress.text", one.characters)
        items.append(_item(one.at, "quiet", "turns:time.progress", text))
    if row.closed_at is not None:
        items += _findings(turn, Surface.OUTPUT, row.verdict_output, row.closed_at)
        key = "turns:time.interrupted" if row.state == records.INTERRUPTED else "turns:time.closed"
        kind = _OUTCOMES.get(Ending(row.outcome), "quiet") if row.outcome in set(Ending) else "quiet"
        items.append(_item(row.closed_at, kind, key, _closing(turn)))
    items += [_item(one.at, "note", "turns:time.reveal", f"{one.who}: {one.why}") for one in turn.reveals]
    return sorted(items, key=lambda item: item["at"])


def _findings(turn: TurnDetail, surface: Surface, verdict: str, at: int) -> list[dict[str, Any]]:
    found: Sequence[TurnSignal] = [one for one in turn.signals if one.surface == surface]
    if not found:
        return []
    names = ", ".join(dict.fromkeys(word_of("Category", one.category) for one in found))
    text = t("turns:time.found.text", categories=names, verdict=word_of("Verdict", verdict))
    kind = "bad" if verdict in {Verdict.BLOCK, Verdict.STOP} else "warn"
    return [_item(at, kind, f"turns:time.found.{surface}", text)]


def _closing(turn: TurnDetail) -> str:
    row = turn.row
    if row.state == records.INTERRUPTED:
        return t("turns:time.interrupted.text")
    return meaning_of("Ending", row.outcome)


def _item(at: int, kind: str, key: str, text: str) -> dict[str, Any]:
    return {"at": at, "kind": kind, "title": t(key), "text": text}


def held(turn: TurnDetail) -> str:
    """Say how many characters were held back at most, a dash when nobody counted."""
    return "–" if turn.row.held_max is None else number(turn.row.held_max)
