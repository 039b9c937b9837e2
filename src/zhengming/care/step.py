"""One turn's step of care: what was found in the person's words becomes a level, and the level becomes a plan.

The rules, after the requirements of VERA-MH (arXiv 2510.15297): a danger is answered by a prepared text, whatever a
model would say; after that the talk goes on, because ending it or repeating the same text abandons the person; nothing
said later takes a danger back. Thresholds are data (`data/thresholds.yaml`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from zhengming.care.state import CareState, replaced
from zhengming.care.thresholds import Thresholds, load_thresholds
from zhengming.core.signals import Signal, Span
from zhengming.core.words import Audience, CareAxis, CareLevel

_TOP: Final = 255
CYCLE: Final = 240
"""Turns are counted round, so that variants (1 to 6 of them) go on changing in the longest conversation."""


class CareAction(StrEnum):
    """What is done for the person in this turn."""

    NONE = "none"
    OFFER_HELP = "offer_help"
    PREPARED_HELP = "prepared_help"


class HelpSituation(StrEnum):
    """Which text fits; the ids stand in the catalogue `care`."""

    NONE = "none"
    CONCERN = "concern"
    DANGER = "danger"
    IMMINENT = "imminent"
    CONTINUED = "continued"
    UNAVAILABLE = "unavailable"
    OUTAGE = "outage"


class CarePlan(NamedTuple):
    """What to do in this turn, and the text that fits it.

    `level` is that of the conversation, `found` that of this turn's words alone; `variant` grows with the turns, so
    that two turns in a row are not answered with the same words; `version` names the thresholds.
    """

    action: CareAction
    axis: CareAxis
    level: CareLevel
    found: CareLevel
    situation: HelpSituation
    variant: int
    version: str


def level_of_signals(signals: Sequence[Signal], thresholds: Thresholds) -> CareLevel:
    """Return the level that the signals on one text of the person speak for, on the axis of self-harm.

    Signals of other categories do not count. A scorer's signal (no span) counts up to the scorer limit.
    """
    level = CareLevel.NONE
    grave: list[Span] = []
    for signal in signals:
        if thresholds.axes.get(signal.category) is not CareAxis.SELF_HARM:
            continue
        found = thresholds.levels[max(0, min(signal.severity, len(thresholds.levels) - 1))]
        if signal.span is None:
            found = min(found, thresholds.scorer_limit)
        elif signal.severity >= thresholds.several_severity:
            grave.append(signal.span)
        level = max(level, found)
    if len(grave) >= thresholds.several_count and _apart(grave) >= thresholds.several_count:
        return max(level, thresholds.several_level)
    return level


def _apart(spans: list[Span]) -> int:
    """Return how many of the spans can be chosen without overlap: one saying, found by two rules, is one sign."""
    count = reached = 0
    for span in sorted(spans, key=lambda one: one.end):
        if span.start >= reached:
            count += 1
            reached = span.end
    return count


def step(
    state: CareState, signals: Sequence[Signal], audience: Audience, thresholds: Thresholds | None = None
) -> tuple[CareState, CarePlan]:
    """Take one turn: the state before, and the signals on what the person wrote now.

    Returns the state after and the plan. The caller stores the state with the turn; a turn that was not stored is
    taken again from the state before, so that its help is not counted as given.
    """
    chosen = thresholds or load_thresholds()
    axis = CareAxis.SELF_HARM
    found = level_of_signals(signals, chosen)
    level = max(state.level_of(axis), found)
    action, situation = _decide(state, level, found, audience, chosen)
    plan = CarePlan(action, axis, level, found, situation, state.turns, chosen.version)
    return _after(state, plan), plan


def _decide(
    state: CareState, level: CareLevel, found: CareLevel, audience: Audience, thresholds: Thresholds
) -> tuple[CareAction, HelpSituation]:
    if level >= thresholds.prepared_from[audience]:
        answered = state.answered_on(CareAxis.SELF_HARM)
        if answered < thresholds.prepared_from[audience] or answered < CareLevel.IMMINENT <= level:
            imminent = level >= CareLevel.IMMINENT
            return CareAction.PREPARED_HELP, HelpSituation.IMMINENT if imminent else HelpSituation.DANGER
        spoken = found >= thresholds.offer_from[audience]
        return _offer(HelpSituation.CONTINUED, due=_is_due(state, spoken=spoken, thresholds=thresholds))
    if found < thresholds.offer_from[audience]:
        return CareAction.NONE, HelpSituation.NONE
    return _offer(HelpSituation.CONCERN, due=state.offers == 0 or state.quiet >= thresholds.gap_quiet)


def _is_due(state: CareState, *, spoken: bool, thresholds: Thresholds) -> bool:
    """Whether help is offered again to a person whose danger was answered: at once, then with growing distance."""
    if state.offers == 0:
        return True
    if spoken:
        return state.quiet >= thresholds.gap_again
    return state.offers < thresholds.follow_ups and state.quiet >= thresholds.gap_quiet


def _offer(situation: HelpSituation, *, due: bool) -> tuple[CareAction, HelpSituation]:
    return (CareAction.OFFER_HELP, situation) if due else (CareAction.NONE, HelpSituation.NONE)


def _after(state: CareState, plan: CarePlan) -> CareState:
    if plan.level == CareLevel.NONE:
        return state
    prepared = plan.action is CareAction.PREPARED_HELP
    offered = plan.action is CareAction.OFFER_HELP
    answered = replaced(state.answered, plan.axis, plan.level) if prepared else state.answered
    return CareState(
        levels=replaced(state.levels, plan.axis, plan.level),
        answered=answered,
        offers=0 if prepared else min(state.offers + offered, _TOP),
        quiet=0 if prepared or offered else min(state.quiet + 1, _TOP),
        turns=(state.turns + 1) % CYCLE,
    )
