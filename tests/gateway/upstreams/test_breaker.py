"""The circuit breaker, as a table and as a property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.gateway.upstreams.breaker import TABLE, Breaker, BreakerSettings, Event, Permit, State

SETTINGS = BreakerSettings(failures=3, pause=10.0, longest_pause=25.0)


def take(breaker: Breaker, now: float) -> Permit:
    permit = breaker.ask(now)
    assert permit is not None
    return permit


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(SETTINGS)
    for _ in range(3):
        breaker.failure(take(breaker, now), now)
    return breaker


def test_failures_in_a_row_open_the_circuit() -> None:
    breaker = opened()

    assert breaker.state is State.OPEN
    assert breaker.ask(9.9) is None
    assert breaker.wait(4.0) == 6.0


def test_a_success_between_them_closes_the_count() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(10):
        breaker.failure(take(breaker, 0), 0)
        breaker.failure(take(breaker, 0), 0)
        breaker.success(take(breaker, 0))

    assert breaker.state is State.CLOSED


def test_a_first_byte_alone_does_not_hide_that_every_stream_breaks_off() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(3):
        permit = take(breaker, 0)
        breaker.first_byte(permit)
        breaker.failure(permit, 0)

    assert breaker.state is State.OPEN


def test_after_the_pause_one_request_tries_and_the_others_wait() -> None:
    breaker = opened()
    trial = take(breaker, 10.0)

    assert (breaker.state, trial.probe) == (State.HALF_OPEN, True)
    assert breaker.ask(10.0) is None
    breaker.first_byte(trial)
    assert not take(breaker, 10.0).probe


def test_each_failed_trial_doubles_the_pause_up_to_its_limit() -> None:
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(4):
        wait = breaker.wait(now)
        pauses.append(wait)
        now += wait
        breaker.failure(take(breaker, now), now)

    assert pauses == [10.0, 20.0, 25.0, 25.0]


def test_an_abandoned_trial_may_be_made_again() -> None:
    breaker = opened()
    breaker.abandoned(take(breaker, 10.0))

    assert take(breaker, 10.0).probe


def test_what_old_requests_report_after_the_opening_is_passed_over() -> None:
    breaker = Breaker(SETTINGS)
    late = take(breaker, 0)
    for _ in range(3):
        breaker.failure(take(breaker, 0), 0)
    trial = take(breaker, 10.0)
    breaker.failure(late, 10.0)
    breaker.success(late)

    assert breaker.ask(10.0) is None
    breaker.success(trial)
    assert not take(breaker, 10.0).probe


EVENTS = st.sampled_from(["ask", "first_byte", "success", "failure", "abandoned"])


@given(st.lists(st.tuples(EVENTS, st.integers(0, 5), st.floats(0, 9))))
def test_no_order_of_events_lends_two_trials_or_stays_shut(steps: list[tuple[str, int, float]]) -> None:
    breaker, now, permits = Breaker(SETTINGS), 0.0, list[Permit]()
    for what, which, pause in steps:
        now += pause
        if what == "ask":
            permit = breaker.ask(now)
            if permit is not None:
                assert not permit.probe or permit not in permits
                permits.append(permit)
        elif which < len(permits):
            permit = permits[which] if what == "first_byte" else permits.pop(which)
            arguments = (permit, now) if what == "failure" else (permit,)
            getattr(breaker, what)(*arguments)
    for permit in permits:
        breaker.abandoned(permit)

    assert breaker.ask(now + SETTINGS.longest_pause) is not None


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_left(state: State) -> None:
    assert {after for (before, _), after in TABLE.items() if before is state} - {state}


def test_the_table_has_no_way_from_open_but_the_trial() -> None:
    assert [event for (before, event) in TABLE if before is State.OPEN] == [Event.COOLED]
