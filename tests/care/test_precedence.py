"""Who wins, over every combination of circumstances."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from zhengming.care.precedence import TABLE, Circumstances, Outcome, OutcomeKind, Rank, SafetyStop, decide
from zhengming.care.step import CareAction, HelpSituation
from zhengming.core.words import CareLevel

BOTH = (False, True)
FLAGS = (
    "emergency_cue", "detector_ok", "serve_unscreened", "store_ok", "sanctioned", "rate_limited", "quota_exhausted",
    "companion", "upstream_ok",
)  # fmt: skip


def everything() -> Iterator[Circumstances]:
    for level, action, stop in product(CareLevel, CareAction, SafetyStop):
        for flags in product(BOTH, repeat=len(FLAGS)):
            yield Circumstances(level, action, safety_stop=stop, **dict(zip(FLAGS, flags, strict=True)))


DECIDED: list[tuple[Circumstances, Outcome]] = [(case, decide.__wrapped__(case)) for case in everything()]


def of(**facts: Any) -> Outcome:
    return decide(Circumstances(**facts))


def test_all_combinations_were_gone_through() -> None:
    assert len(DECIDED) == 6 * 3 * 3 * 2**9


def test_a_person_in_danger_never_meets_an_error_a_refusal_a_bare_notice_or_a_strike() -> None:
    for case, outcome in DECIDED:
        half_blind = not (case.detector_ok and case.store_ok)
        if case.care_level >= CareLevel.DANGER or (case.emergency_cue and half_blind):
            assert outcome.kind in {OutcomeKind.PREPARED_HELP, OutcomeKind.SERVE}, case
            assert (outcome.status, outcome.strike) == (200, False), case


def test_a_person_in_danger_is_served_by_a_model_only_when_the_danger_was_answered_and_nothing_is_in_the_way() -> None:
    for case, outcome in DECIDED:
        if case.in_danger and outcome.kind is OutcomeKind.SERVE:
            assert case.care_action is not CareAction.PREPARED_HELP, case
            assert case.detector_ok, case
            assert case.store_ok, case
            assert case.upstream_ok, case
            assert case.safety_stop is SafetyStop.NONE, case
            assert [case.sanctioned, case.rate_limited, case.quota_exhausted] == [False] * 3, case


def test_without_evidence_no_model_answers_anybody() -> None:
    for case, outcome in DECIDED:
        if not case.store_ok:
            assert outcome.kind is not OutcomeKind.SERVE, case
            if not case.in_danger:
                expected = (OutcomeKind.PREPARED_HELP, 200) if case.companion else (OutcomeKind.REFUSE, 503)
                assert (outcome.kind, outcome.status) == expected, case


def test_without_a_detector_a_model_answers_only_when_the_operator_chose_so_and_no_danger_is_seen() -> None:
    for case, outcome in DECIDED:
        if not case.detector_ok and outcome.kind is OutcomeKind.SERVE:
            assert case.serve_unscreened, case
            assert not case.in_danger, case


def test_an_enforcement_never_lets_a_model_answer() -> None:
    for case, outcome in DECIDED:
        enforced = case.sanctioned or case.rate_limited or case.quota_exhausted
        if enforced or case.safety_stop is not SafetyStop.NONE or not case.upstream_ok:
            assert outcome.kind is not OutcomeKind.SERVE, case


def test_an_error_status_is_given_exactly_with_a_refusal_and_a_code_exactly_when_not_served() -> None:
    for case, outcome in DECIDED:
        assert (outcome.status != 200) is (outcome.kind is OutcomeKind.REFUSE), case
        assert (outcome.code == "") is (outcome.kind is OutcomeKind.SERVE), case
        assert outcome.status in {200, 403, 429, 503}, case


def test_only_a_blocked_request_of_a_person_not_in_danger_may_be_a_strike() -> None:
    for case, outcome in DECIDED:
        assert outcome.strike is (outcome.row == "stop.blocked"), case
        if outcome.strike:
            assert case.safety_stop is SafetyStop.INPUT_BLOCKED, case


def test_taking_an_enforcement_away_never_makes_it_worse() -> None:
    worst = [OutcomeKind.SERVE, OutcomeKind.PREPARED_HELP, OutcomeKind.NOTICE, OutcomeKind.REFUSE]
    for case, outcome in DECIDED:
        if case.quota_exhausted:
            facts = {name: getattr(case, name) for name in FLAGS} | {"quota_exhausted": False}
            freed = decide(Circumstances(case.care_level, case.care_action, safety_stop=case.safety_stop, **facts))
            if case.upstream_ok:
                assert worst.index(freed.kind) <= worst.index(outcome.kind), case


@pytest.mark.parametrize(
    ("facts", "row"),
    [
        ({}, "service"),
        ({"care_level": CareLevel.CONCERN, "care_action": CareAction.OFFER_HELP}, "service"),
        ({"care_level": CareLevel.DANGER, "care_action": CareAction.PREPARED_HELP}, "care.plan"),
        ({"care_level": CareLevel.DANGER, "care_action": CareAction.OFFER_HELP}, "care.serve"),
        ({"care_level": CareLevel.DANGER}, "care.serve"),
        ({"emergency_cue": True}, "service"),
        ({"emergency_cue": True, "detector_ok": False}, "care.unscreened"),
        ({"emergency_cue": True, "detector_ok": False, "serve_unscreened": True}, "care.unscreened"),
        ({"emergency_cue": True, "store_ok": False}, "care.unrecorded"),
        ({"detector_ok": False}, "stop.unscreened"),
        ({"detector_ok": False, "companion": True}, "stop.unscreened.companion"),
        ({"detector_ok": False, "serve_unscreened": True}, "service"),
        ({"store_ok": False, "safety_stop": SafetyStop.SWITCHED_OFF}, "stop.unrecorded"),
        ({"safety_stop": SafetyStop.SWITCHED_OFF, "sanctioned": True}, "stop.switched_off"),
        ({"safety_stop": SafetyStop.INPUT_BLOCKED, "rate_limited": True}, "stop.blocked"),
        ({"sanctioned": True, "rate_limited": True, "quota_exhausted": True}, "sanction"),
        ({"rate_limited": True, "quota_exhausted": True}, "limit.rate"),
        ({"quota_exhausted": True, "upstream_ok": False}, "quota"),
        ({"upstream_ok": False}, "service.no_upstream"),
        ({"upstream_ok": False, "companion": True}, "service.no_upstream.companion"),
        ({"care_level": CareLevel.HIGH, "rate_limited": True}, "care.restricted"),
        ({"care_level": CareLevel.HIGH, "safety_stop": SafetyStop.INPUT_BLOCKED, "sanctioned": True}, "care.blocked"),
        ({"care_level": CareLevel.HIGH, "safety_stop": SafetyStop.SWITCHED_OFF}, "care.switched_off"),
        ({"care_level": CareLevel.IMMINENT, "upstream_ok": False}, "care.no_upstream"),
    ],
)
def test_the_row_that_decides(facts: dict[str, Any], row: str) -> None:
    assert of(**facts).row == row


def test_every_row_can_decide() -> None:
    assert {outcome.row for _, outcome in DECIDED} == {row.id for row in TABLE}


def test_rows_stand_in_the_order_of_ranks_and_have_unique_ids() -> None:
    order = list(Rank)
    ranks = [order.index(row.rank) for row in TABLE]
    assert ranks == sorted(ranks)
    assert len({row.id for row in TABLE}) == len(TABLE)
    assert TABLE[-1].when == ()


def test_a_prepared_outcome_names_its_text_or_follows_the_plan() -> None:
    for case, outcome in DECIDED:
        if outcome.kind is OutcomeKind.PREPARED_HELP and outcome.situation is HelpSituation.NONE:
            assert case.care_action is CareAction.PREPARED_HELP, case
