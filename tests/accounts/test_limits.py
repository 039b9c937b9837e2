"""Limits count the same in memory and in Redis: one table and one property on both."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhengming.accounts.limits import (
    BEIJING,
    DAY,
    MINUTE,
    Claim,
    Decision,
    Limiter,
    MemoryLimiter,
    Quota,
    Rate,
    charges_of,
    claims_of,
)
from zhengming.accounts.profiles import Limits, ServiceProfile
from zhengming.accounts.pseudonyms import Who
from zhengming.accounts.redis_limits import PAUSE, RedisLimiter
from zhengming.core.errors import InvalidInputError

NOW = 1_800_000_000_000


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[Limiter]:
    """A limiter of each kind, with nothing counted yet."""
    if request.param == "memory":
        yield MemoryLimiter()
        return
    opened = RedisLimiter(request.getfixturevalue("redis_url"), timeout=5)
    yield opened
    assert opened.failures == 0
    await opened.close()


def rate(key: str = "a", limit: int = 3, cost: int = 1, period: int = MINUTE) -> Rate:
    return Rate("rate", key, limit, cost, period)


def quota(key: str = "q", limit: int = 10, cost: int = 1, resets_at: int = NOW + 1_000) -> Quota:
    return Quota("quota", key, limit, cost, resets_at)


Step = tuple[tuple[Claim, ...], int, int]


def ask(after: int, wait: int, *claims: Claim) -> Step:
    """Ask `after` ms from the start; `wait` is what one is told, 0 for granted."""
    return claims, after, wait


TABLE: dict[str, list[Step]] = {
    "a full bucket serves its limit at once": [*[ask(0, 0, rate())] * 3, ask(0, 20_000, rate())],
    "a bucket refills evenly": [*[ask(0, 0, rate())] * 3, ask(19_999, 1, rate()), ask(20_000, 0, rate())],
    "a bucket never holds more than its limit": [
        ask(0, 0, rate()),
        *[ask(10**9, 0, rate())] * 3,
        ask(10**9, 20_000, rate()),
    ],
    "a refusal takes nothing": [
        ask(0, 0, rate(limit=1)),
        *[ask(30_000, 30_000, rate(limit=1))] * 5,
        ask(60_000, 0, rate(limit=1)),
    ],
    "a cost may be more than one": [ask(0, 0, rate(limit=5, cost=4)), ask(0, 12_000, rate(limit=5, cost=2))],
    "a clock that runs back refills nothing": [
        ask(50_000, 0, rate(limit=1)),
        ask(0, 60_000, rate(limit=1)),
        ask(110_000, 0, rate(limit=1)),
    ],
    "a lowered limit counts at once": [
        ask(0, 0, rate(limit=100, cost=100)),
        ask(0, 60_000, rate(limit=1)),
        ask(60_000, 0, rate(limit=1)),
    ],
    "a wait is rounded up to the next whole ms": [
        ask(0, 0, rate(limit=7, cost=7)),
        ask(0, 8_572, rate(limit=7)),
        ask(8_572, 0, rate(limit=7)),
    ],
    "keys do not share buckets": [ask(0, 0, rate("a", 1)), ask(0, 0, rate("b", 1)), ask(0, 60_000, rate("a", 1))],
    "a quota serves its limit": [*[ask(0, 0, quota(limit=2))] * 2, ask(400, 600, quota(limit=2))],
    "a quota that is over waits at least a moment": [ask(0, 0, quota(limit=1)), ask(2_000, 1, quota(limit=1))],
    "a cost of nothing asks whether anything is left": [
        *[ask(0, 0, quota(limit=1, cost=0))] * 5,
        ask(0, 0, quota(limit=1)),
        ask(0, 1_000, quota(limit=1, cost=0)),
    ],
    "all or none: a refused quota leaves the bucket full": [
        ask(0, 1_000, rate(limit=1), quota(limit=0)),
        ask(0, 0, rate(limit=1)),
    ],
    "all or none: a refused bucket leaves the quota": [
        ask(0, 0, rate(limit=1), quota(limit=2)),
        ask(0, 60_000, rate(limit=1), quota(limit=2)),
        ask(0, 0, quota(limit=2)),
        ask(0, 1_000, quota(limit=2)),
    ],
    "of several refusals the longest wait is told": [
        ask(0, 0, rate(limit=1), quota(limit=1)),
        ask(0, 60_000, rate(limit=1), quota(limit=1)),
        ask(0, DAY, rate(limit=1), quota(limit=1, resets_at=NOW + DAY)),
    ],
    "large numbers stay exact": [
        ask(0, 0, rate(limit=1_000_000, cost=999_999)),
        ask(0, 0, quota(limit=10**12, cost=10**12 - 1)),
        ask(0, 1_000, quota(limit=10**12, cost=2)),
        ask(0, 0, quota(limit=10**12, cost=1)),
        ask(0, 1, rate(limit=1_000_000, cost=2)),
        ask(0, 0, rate(limit=1_000_000, cost=1)),
    ],
    "no claims, no refusal": [ask(0, 0)],
}


@pytest.mark.parametrize("name", TABLE)
async def test_a_limiter_grants_and_refuses(limiter: Limiter, name: str) -> None:
    for claims, after, wait in TABLE[name]:
        decision = await limiter.take(claims, NOW + after)

        assert (decision.allowed, decision.wait) == (wait == 0, wait)
        assert (decision.refused in claims) == (wait > 0)


async def test_what_was_used_is_charged_even_beyond_the_limit(limiter: Limiter) -> None:
    ask = quota(limit=100, cost=0)
    assert (await limiter.take([ask], NOW)).allowed
    await limiter.charge([quota(limit=100, cost=5_000)], NOW)
    await limiter.charge([], NOW)
    assert await limiter.take([ask], NOW) == Decision(allowed=False, refused=ask, wait=1_000)


CLAIMS = st.lists(
    st.one_of(
        st.builds(
            rate, st.sampled_from("ab"), st.integers(1, 7), st.integers(1, 3), st.sampled_from([7, 1_000, MINUTE])
        ),
        st.builds(quota, st.sampled_from("qr"), st.integers(0, 9), st.integers(0, 3), st.integers(NOW, NOW + DAY)),
    ),
    max_size=3,
    unique_by=lambda claim: claim.key,
)
STEPS = st.lists(st.tuples(st.booleans(), CLAIMS, st.integers(-2_000, 70_000)), max_size=15)


async def run(limiter: Limiter, steps: Sequence[tuple[bool, list[Claim], int]], prefix: str) -> list[Decision]:
    now, found = NOW, []
    for charged, claims, step in steps:
        now += step
        named: list[Claim] = [claim._replace(key=prefix + claim.key) for claim in claims]
        if charged:
            await limiter.charge([claim for claim in named if isinstance(claim, Quota)], now)
        else:
            decision = await limiter.take(named, now)
            found.append(decision._replace(refused=None))
    return found


@pytest.mark.redis
def test_memory_and_redis_decide_alike_whatever_is_asked(redis_url: str) -> None:
    serial = iter(range(10**9))

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(STEPS)
    def alike(steps: list[tuple[bool, list[Claim], int]]) -> None:
        async def both() -> None:
            shared = RedisLimiter(redis_url, timeout=5)
            prefix = f"{next(serial)}:"
            try:
                assert await run(shared, steps, prefix) == await run(MemoryLimiter(), steps, prefix)
                assert shared.failures == 0
            finally:
                await shared.close()

        asyncio.run(both())

    alike()


@pytest.mark.redis
async def test_two_replicas_at_once_grant_no_more_than_the_limit(redis_url: str) -> None:
    one, other = RedisLimiter(redis_url, timeout=5), RedisLimiter(redis_url, timeout=5)
    claims: list[Claim] = [rate(limit=20), quota(limit=15)]
    answers = await asyncio.gather(*(side.take(claims, NOW) for side in (one, other) * 25))
    await one.close()
    await other.close()

    assert sum(answer.allowed for answer in answers) == 15


@pytest.mark.redis
async def test_what_is_counted_in_redis_goes_away_by_itself(redis_url: str) -> None:
    limiter = RedisLimiter(redis_url, timeout=5)
    await limiter.take([rate("zm:r", 3, period=5_000), quota("zm:q", 3, resets_at=NOW + 9_000)], NOW)
    await limiter.close()
    with redis.Redis.from_url(redis_url) as client:
        assert 5_000 < client.pttl("zm:r") <= 5_000 + MINUTE
        assert 9_000 < client.pttl("zm:q") <= 9_000 + MINUTE


def nobody() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("when_down", ["allow", "refuse"])
async def test_while_redis_is_down_the_setting_decides_and_each_answer_is_counted(when_down: str) -> None:
    limiter = RedisLimiter(nobody(), when_down=when_down)
    refused = Decision(allowed=False, wait=PAUSE)
    expected = Decision(allowed=True) if when_down == "allow" else refused

    assert await limiter.take([rate()], NOW) == expected
    assert await limiter.take([rate()], NOW + PAUSE - 1) == expected
    assert limiter.failures == 2
    await limiter.charge([quota()], NOW + PAUSE)
    assert limiter.failures == 3
    await limiter.close()


async def test_redis_is_asked_again_a_second_after_a_failure_and_not_before() -> None:
    calls = 0

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    limiter = RedisLimiter(f"redis://127.0.0.1:{port}")
    await limiter.take([rate()], NOW)
    seen = calls
    await limiter.take([rate()], NOW + PAUSE - 1)
    assert calls == seen > 0
    await limiter.take([rate()], NOW + PAUSE)
    assert calls > seen
    await limiter.close()
    server.close()
    await server.wait_closed()


async def test_a_redis_that_hangs_costs_one_time_out() -> None:
    never = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    limiter = RedisLimiter(f"redis://127.0.0.1:{port}", timeout=0.05)
    loop = asyncio.get_running_loop()
    before = loop.time()
    for _ in range(50):
        assert (await limiter.take([rate()], NOW)).allowed
    assert loop.time() - before < 2
    assert limiter.failures == 50
    await limiter.close()
    never.set()
    server.close()


def test_an_unknown_setting_for_a_redis_that_is_down_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="perhaps"):
        RedisLimiter("redis://127.0.0.1", when_down="perhaps")


async def test_a_limiter_in_memory_forgets_the_key_used_longest_ago() -> None:
    limiter = MemoryLimiter(size=2)
    for key in "ab":
        assert (await limiter.take([rate(key, 1)], NOW)).allowed
    assert not (await limiter.take([rate("a", 1)], NOW)).allowed
    assert (await limiter.take([rate("c", 1)], NOW)).allowed
    assert not (await limiter.take([rate("a", 1)], NOW)).allowed
    assert (await limiter.take([rate("b", 1)], NOW)).allowed


FULL = Limits(
    key_requests_per_minute=60,
    person_requests_per_minute=10,
    key_requests_per_day=1_000,
    person_requests_per_day=100,
    key_tokens_per_day=100_000,
    person_tokens_per_day=10_000,
)
SERVICE = ServiceProfile(id="s", name="s", limits=FULL)
PERSON = Who("u_1", stand_in=False)


def test_a_request_claims_each_limit_of_its_key_and_its_person_under_distinct_keys() -> None:
    claims = claims_of(SERVICE, "key-1", PERSON, NOW)

    assert {claim.name: claim.limit for claim in claims} == {name: getattr(FULL, name) for name in FULL.__slots__}
    assert len({claim.key for claim in claims}) == 6
    assert all(claim.key.startswith("zm:{s}:") for claim in claims)


def test_a_person_who_stands_for_a_key_has_no_limits_of_their_own() -> None:
    names = {claim.name for claim in claims_of(SERVICE, "key-1", Who("k_key-1", stand_in=True), NOW)}

    assert names == {"key_requests_per_minute", "key_requests_per_day", "key_tokens_per_day"}


def test_a_service_without_limits_claims_nothing() -> None:
    assert claims_of(ServiceProfile(id="s", name="s"), "key-1", PERSON, NOW) == []


@given(st.integers(0, 4_000_000_000_000))
def test_a_day_ends_at_midnight_of_beijing(now: int) -> None:
    quotas = [claim for claim in claims_of(SERVICE, "k", PERSON, now) if isinstance(claim, Quota)]
    [resets_at] = {claim.resets_at for claim in quotas}

    assert now < resets_at <= now + DAY
    assert (resets_at + BEIJING) % DAY == 0
    before = {claim.key for claim in quotas}
    last = {claim.key for claim in claims_of(SERVICE, "k", PERSON, resets_at - 1) if isinstance(claim, Quota)}
    after = {claim.key for claim in claims_of(SERVICE, "k", PERSON, resets_at) if isinstance(claim, Quota)}
    assert before == last
    assert before.isdisjoint(after)


async def test_the_tokens_of_a_turn_are_charged_to_the_key_and_the_person() -> None:
    limiter = MemoryLimiter()
    claims = claims_of(SERVICE, "key-1", PERSON, NOW)
    assert (await limiter.take(claims, NOW)).allowed
    charges = charges_of(claims, 10_000)
    assert [(charge.name, charge.cost) for charge in charges] == [
        ("key_tokens_per_day", 10_000),
        ("person_tokens_per_day", 10_000),
    ]
    await limiter.charge(charges, NOW)

    decision = await limiter.take(claims, NOW)
    assert decision.refused is not None
    assert decision.refused.name == "person_tokens_per_day"
    other = claims_of(SERVICE, "key-1", Who("u_2", stand_in=False), NOW)
    assert (await limiter.take(other, NOW)).allowed
    assert charges_of(claims, 0) == []
