"""Who wins: the one table that decides what becomes of a turn (ADR 0006).

Care outranks safety stops, these outrank sanctions, these limits, these quotas. The first row whose conditions all
hold decides. The page `docs/explanation/who-wins.md` is drawn from :data:`TABLE`, and a property test goes through
every combination of circumstances.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from zhengming.care.step import CareAction, HelpSituation
from zhengming.core.words import CareLevel


class SafetyStop(StrEnum):
    """A stop of the service or of this request, for safety's sake."""

    NONE = "none"
    SWITCHED_OFF = "switched_off"
    INPUT_BLOCKED = "input_blocked"


class OutcomeKind(StrEnum):
    """What becomes of a turn."""

    SERVE = "serve"
    PREPARED_HELP = "prepared_help"
    NOTICE = "notice"
    REFUSE = "refuse"


class Rank(StrEnum):
    """The groups of rows, in the order in which they win."""

    CARE = "care"
    SAFETY = "safety stop"
    SANCTION = "sanction"
    LIMIT = "limit"
    QUOTA = "quota"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything that the decision may rest on. The defaults are those of an ordinary turn.

    `care_level` and `care_action` come from `care.step`; `emergency_cue` from `care.emergency`, asked when the detector
    or the store is down. `detector_ok` is False when screening failed; with `serve_unscreened` the operator has chosen
    to go on then. `store_ok` False means that nothing can be recorded. `sanctioned` is a restriction of this person;
    `companion` says that the service keeps people company; `upstream_ok` False that no model can be asked.
    """

    care_level: CareLevel = CareLevel.NONE
    care_action: CareAction = CareAction.NONE
    emergency_cue: bool = False
    detector_ok: bool = True
    serve_unscreened: bool = False
    store_ok: bool = True
    safety_stop: SafetyStop = SafetyStop.NONE
    sanctioned: bool = False
    rate_limited: bool = False
    quota_exhausted: bool = False
    companion: bool = False
    upstream_ok: bool = True

    @property
    def in_danger(self) -> bool:
        """Whether the person is, or may be, in danger: by level, or by words of danger while something is down."""
        if self.care_level >= CareLevel.DANGER:
            return True
        return self.emergency_cue and not (self.detector_ok and self.store_ok)

    @property
    def prepared_is_due(self) -> bool:
        """Whether the plan of care asks for a prepared text in this turn."""
        return self.care_action is CareAction.PREPARED_HELP

    @property
    def unscreened(self) -> bool:
        """Whether the detector failed and the operator has not chosen to go on then."""
        return not self.detector_ok and not self.serve_unscreened

    @property
    def restricted(self) -> bool:
        """Whether a sanction, a rate limit or a quota stands against this turn."""
        return self.sanctioned or self.rate_limited or self.quota_exhausted


class Outcome(NamedTuple):
    """What becomes of the turn.

    `status` is the HTTP status; `code` a stable id for programs ("" when served); `row` names the row that decided;
    `situation` the prepared text (for `prepared_help`; `none` there means that of the care plan); `strike` whether the
    turn may count against the person. Where the care plan offers help, the caller adds it to whatever text goes out.
    """

    kind: OutcomeKind
    status: int
    code: str
    row: str
    situation: HelpSituation = HelpSituation.NONE
    strike: bool = False


class Row(NamedTuple):
    """One row: it decides when every attribute of the circumstances named in `when` has the value given there."""

    id: str
    rank: Rank
    when: tuple[tuple[str, object], ...]
    kind: OutcomeKind
    status: int
    code: str
    situation: HelpSituation
    why: str


def _help(row: str, situation: HelpSituation, why: str, **when: object) -> Row:
    """A row that answers a person in danger with a prepared text: status 200, no error, no strike."""
    conditions = (("in_danger", True), *when.items())
    return Row(row, Rank.CARE, conditions, OutcomeKind.PREPARED_HELP, 200, "care", situation, why)


def _company(row: str, rank: Rank, why: str, **when: object) -> Row:
    """A row of a companion service that cannot answer anybody: prepared text in place of an error."""
    conditions = (("companion", True), *when.items())
    return Row(row, rank, conditions, OutcomeKind.PREPARED_HELP, 200, "outage", HelpSituation.OUTAGE, why)


def _notice(row: str, rank: Rank, code: str, why: str, **when: object) -> Row:
    return Row(row, rank, tuple(when.items()), OutcomeKind.NOTICE, 200, code, HelpSituation.NONE, why)


def _refuse(row: str, rank: Rank, status: int, code: str, why: str, **when: object) -> Row:
    return Row(row, rank, tuple(when.items()), OutcomeKind.REFUSE, status, code, HelpSituation.NONE, why)


TABLE: Final[tuple[Row, ...]] = (
    _help(
        "care.plan", HelpSituation.NONE, "A danger that was found is answered first, by the text of the plan of care.",
        prepared_is_due=True, detector_ok=True, store_ok=True,
    ),
    _help(
        "care.unscreened", HelpSituation.UNAVAILABLE, "Words of danger, and no detector: help, not an error.",
        detector_ok=False,
    ),
    _help(
        "care.unrecorded", HelpSituation.UNAVAILABLE,
        "No evidence can be kept, so no model may answer; a prepared text needs no evidence.",
        store_ok=False,
    ),
    _help(
        "care.switched_off", HelpSituation.UNAVAILABLE, "The service is stopped for everybody; help is not.",
        safety_stop=SafetyStop.SWITCHED_OFF,
    ),
    _help(
        "care.blocked", HelpSituation.CONTINUED,
        "What was asked for is not given; the person is not turned away, and nothing is held against them.",
        safety_stop=SafetyStop.INPUT_BLOCKED,
    ),
    _help(
        "care.restricted", HelpSituation.CONTINUED,
        "A sanction, a limit or a quota keeps the model away, never the help.",
        restricted=True,
    ),
    _help(
        "care.no_upstream", HelpSituation.UNAVAILABLE, "No model can be asked; help needs none.",
        upstream_ok=False,
    ),
    Row(
        "care.serve", Rank.CARE, (("in_danger", True),), OutcomeKind.SERVE, 200, "", HelpSituation.NONE,
        "The danger was answered before: the talk goes on, with help offered as the plan says.",
    ),
    _company("stop.unrecorded.companion", Rank.SAFETY, "People must not be left without a word.", store_ok=False),
    _refuse("stop.unrecorded", Rank.SAFETY, 503, "no_evidence", "No evidence, no service.", store_ok=False),
    _notice(
        "stop.switched_off", Rank.SAFETY, "switched_off", "A switch of the operator: no model is asked.",
        safety_stop=SafetyStop.SWITCHED_OFF,
    ),
    _company("stop.unscreened.companion", Rank.SAFETY, "As above, while the detector is down.", unscreened=True),
    _refuse(
        "stop.unscreened", Rank.SAFETY, 503, "unscreened", "What cannot be screened is not sent, unless so chosen.",
        unscreened=True,
    ),
    _notice(
        "stop.blocked", Rank.SAFETY, "content_filter",
        "The rules refuse this request. The only row that may count against the person.",
        safety_stop=SafetyStop.INPUT_BLOCKED,
    ),
    _refuse(
        "sanction", Rank.SANCTION, 403, "sanctioned", "A restriction of this person is in force.",
        sanctioned=True,
    ),
    _refuse(
        "limit.rate", Rank.LIMIT, 429, "rate_limited", "Too many requests in this span of time.",
        rate_limited=True,
    ),
    _refuse(
        "quota", Rank.QUOTA, 429, "quota_exhausted", "What was agreed for the period is used up.",
        quota_exhausted=True,
    ),
    _company("service.no_upstream.companion", Rank.SERVICE, "As above, while no model answers.", upstream_ok=False),
    _refuse(
        "service.no_upstream", Rank.SERVICE, 503, "upstream_unavailable", "No model can be asked.",
        upstream_ok=False,
    ),
    Row("service", Rank.SERVICE, (), OutcomeKind.SERVE, 200, "", HelpSituation.NONE, "An ordinary turn."),
)  # fmt: skip

_STRIKES: Final = frozenset({"stop.blocked"})


@lru_cache(maxsize=4_096)
def decide(circumstances: Circumstances) -> Outcome:
    """Return what becomes of a turn: the outcome of the first row whose conditions all hold. The last always does."""
    for row in TABLE:
        if all(getattr(circumstances, name) == value for name, value in row.when):
            return Outcome(row.kind, row.status, row.code, row.id, row.situation, row.id in _STRIKES)
    message = "the last row of the table has no condition"
    raise AssertionError(message)
