"""Who is asked, who is asked next, and when nobody is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.gateway.upstreams.hostile import REQUEST, STREAM_HEAD, Conversation, chunk, config, hostile, whole

from zhengming.gateway.upstreams import (
    BreakerSettings,
    ModelList,
    RetryPolicy,
    RouteTable,
    UnknownModelError,
    UpstreamBroken,
    UpstreamPool,
    UpstreamRefused,
    UpstreamRequest,
    UpstreamResting,
    UpstreamTimeout,
    assemble,
    read_whole,
    rehearsal_config,
)
from zhengming.gateway.upstreams.client import HttpUpstream
from zhengming.gateway.upstreams.config import TimeOuts

MakePool = Callable[..., UpstreamPool]
IMPATIENT = TimeOuts(connect=0.3, first_byte=0.2, between_bytes=0.2, total=5.0)


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Return the moment."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pool_of(clock: Clock) -> AsyncIterator[MakePool]:
    """Make a pool of upstreams that all serve `chat`, in the order given."""
    made: list[UpstreamPool] = []

    def make(*urls: str, policy: RetryPolicy | None = None, **further: Any) -> UpstreamPool:
        names = [f"u{number}" for number in range(len(urls))]
        configs = [
            config(url, name, **{"models": {"chat": f"model-of-{name}"}, **further})
            for name, url in zip(names, urls, strict=True)
        ]
        made.append(
            UpstreamPool(
                [HttpUpstream(one) for one in configs],
                RouteTable(configs),
                policy=policy,
                breaker=BreakerSettings(failures=3, pause=10.0),
                clock=clock,
                wall=clock,
                sleep=clock.sleep,
            )
        )
        return made[-1]

    yield make
    for pool in made:
        await pool.close()


async def dead_url() -> str:
    async with hostile(whole(b"")) as server:
        return server.url


async def test_the_first_upstream_answers_under_its_own_model_name(pool_of: MakePool) -> None:
    async with hostile(whole(b"{}")) as server:
        answer = await pool_of(server.url, server.url).open(REQUEST)
        assert (answer.upstream, answer.model) == ("u0", "model-of-u0")
        assert await read_whole(answer, 10) == b"{}"
        assert server.requests[0].body == b'{"model":"model-of-u0"}'


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_refusing_status_is_asked_for_elsewhere(pool_of: MakePool, status: int) -> None:
    async with hostile(whole(b"no", f"{status} No")) as first, hostile(whole(b"yes")) as second:
        pool = pool_of(first.url, second.url)
        answer = await pool.open(REQUEST)

        assert (answer.upstream, await read_whole(answer, 10)) == ("u1", b"yes")
        assert second.requests[0].body == b'{"model":"model-of-u1"}'
        assert [one.in_flight for one in pool.health()] == [0, 0]


@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_any_other_status_is_the_answer(pool_of: MakePool, status: int) -> None:
    async with hostile(whole(b"no", f"{status} No")) as first, hostile(whole(b"yes")) as second:
        answer = await pool_of(first.url, second.url).open(REQUEST)

        assert (answer.status, await read_whole(answer, 10)) == (status, b"no")
        assert not second.requests


async def test_a_dead_upstream_is_passed_over(pool_of: MakePool) -> None:
    async with hostile(whole(b"yes")) as second:
        answer = await pool_of(await dead_url(), second.url).open(REQUEST)
        assert await read_whole(answer, 10) == b"yes"


async def test_silence_is_asked_for_elsewhere_and_not_repeated_at_the_same_place(pool_of: MakePool) -> None:
    async def silent(conversation: Conversation) -> None:
        await conversation.gone()

    async with hostile(silent) as first, hostile(whole(b"yes")) as second:
        answer = await pool_of(first.url, second.url, timeouts=IMPATIENT).open(REQUEST)
        assert await read_whole(answer, 10) == b"yes"
    async with hostile(silent) as only:
        with pytest.raises(UpstreamTimeout):
            await pool_of(only.url, timeouts=IMPATIENT).open(REQUEST)
        assert len(only.requests) == 1


async def test_headers_without_a_first_byte_are_still_asked_for_elsewhere(pool_of: MakePool) -> None:
    async def headers_then_closing(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD)
        conversation.writer.close()

    async with hostile(headers_then_closing) as first, hostile(whole(b"yes")) as second:
        answer = await pool_of(first.url, second.url).open(REQUEST)
        assert await read_whole(answer, 10) == b"yes"


async def test_after_the_first_byte_nobody_else_is_asked(pool_of: MakePool) -> None:
    async def breaking(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(b"data: 1\n\n"))
        conversation.writer.close()

    async with hostile(breaking) as first, hostile(whole(b"yes")) as second:
        pool = pool_of(first.url, second.url)
        answer = await pool.open(REQUEST)
        with pytest.raises(UpstreamBroken):
            await read_whole(answer, 100)
        assert not second.requests
        assert pool.health()[0].errors == {"upstream_broken": 1}


async def test_the_only_upstream_is_asked_again_after_a_short_pause(pool_of: MakePool, clock: Clock) -> None:
    async def closing(conversation: Conversation) -> None:
        conversation.writer.close()

    async with hostile(closing, whole(b"yes")) as server:
        pool = pool_of(server.url)
        assert await read_whole(await pool.open(REQUEST), 10) == b"yes"
        assert clock.slept == [0.1]
        assert pool.health()[0].retries == 1


async def test_attempts_are_bounded(pool_of: MakePool) -> None:
    async def closing(conversation: Conversation) -> None:
        conversation.writer.close()

    async with hostile(closing) as server:
        with pytest.raises(UpstreamBroken, match="'u0'"):
            await pool_of(server.url, policy=RetryPolicy(attempts=2)).open(REQUEST)
        assert len(server.requests) == 2


async def test_a_short_retry_after_is_waited_for(pool_of: MakePool, clock: Clock) -> None:
    busy = whole(b"no", "429 Too Many Requests", b"retry-after: 1\r\n")
    async with hostile(busy, whole(b"yes")) as server:
        assert await read_whole(await pool_of(server.url).open(REQUEST), 10) == b"yes"
        assert clock.slept == [1.0]


async def test_a_long_retry_after_is_the_clients_to_see(pool_of: MakePool, clock: Clock) -> None:
    busy = whole(b"no", "429 Too Many Requests", b"retry-after: 30\r\n")
    async with hostile(busy) as server:
        answer = await pool_of(server.url).open(REQUEST)
        assert (answer.status, answer.headers["retry-after"]) == (429, "30")
        assert await read_whole(answer, 10) == b"no"
        assert (clock.slept, len(server.requests)) == ([], 1)


async def test_an_upstream_that_asked_for_rest_is_asked_last_for_that_time(pool_of: MakePool, clock: Clock) -> None:
    busy = whole(b"no", "429 Too Many Requests", b"retry-after: 30\r\n")
    async with hostile(busy, whole(b"first")) as first, hostile(whole(b"second")) as second:
        pool = pool_of(first.url, second.url)
        for _ in range(3):
            assert await read_whole(await pool.open(REQUEST), 10) == b"second"
        assert len(first.requests) == 1

        clock.now += 31
        assert await read_whole(await pool.open(REQUEST), 10) == b"first"


async def test_a_rest_is_never_longer_than_the_policy_says(pool_of: MakePool, clock: Clock) -> None:
    busy = whole(b"no", "503 No", b"retry-after: 86400\r\n")
    async with hostile(busy, whole(b"first")) as first, hostile(whole(b"second")) as second:
        pool = pool_of(first.url, second.url)
        await read_whole(await pool.open(REQUEST), 10)
        clock.now += 61
        assert await read_whole(await pool.open(REQUEST), 10) == b"first"


async def test_when_all_refuse_the_last_ones_answer_is_given(pool_of: MakePool) -> None:
    async with hostile(whole(b"one", "503 No")) as first, hostile(whole(b"two", "429 No")) as second:
        answer = await pool_of(first.url, second.url).open(REQUEST)
        assert (answer.status, await read_whole(answer, 10)) == (429, b"two")


async def test_failures_open_the_circuit_and_a_trial_closes_it(pool_of: MakePool, clock: Clock) -> None:
    async with hostile(whole(b"", "502 No"), whole(b"", "502 No"), whole(b"", "502 No"), whole(b"yes")) as server:
        pool = pool_of(server.url, policy=RetryPolicy(attempts=1))
        for _ in range(3):
            await (await pool.open(REQUEST)).close()
        with pytest.raises(UpstreamResting, match=r"^(?!.*u0)The upstream of this model") as caught:
            await pool.open(REQUEST)
        assert (caught.value.status, caught.value.retry_after) == (503, 10.0)
        assert (pool.health()[0].state, pool.ready(), len(server.requests)) == ("open", False, 3)

        clock.now += 10
        assert pool.ready()
        assert await read_whole(await pool.open(REQUEST), 10) == b"yes"
        assert pool.health()[0].state == "closed"


async def test_a_rate_limit_does_not_open_the_circuit(pool_of: MakePool) -> None:
    async with hostile(whole(b"", "429 No")) as server:
        pool = pool_of(server.url)
        for _ in range(10):
            await (await pool.open(REQUEST)).close()
        assert pool.health()[0].state == "closed"


async def test_a_client_that_goes_away_says_nothing_about_the_upstream(pool_of: MakePool) -> None:
    async def endless(conversation: Conversation) -> None:
        await conversation.send(STREAM_HEAD + chunk(b"data: 1\n\n"))
        await conversation.gone()

    async with hostile(endless) as server:
        pool = pool_of(server.url)
        for _ in range(10):
            answer = await pool.open(REQUEST)
            assert pool.health()[0].in_flight == 1
            await answer.close()
        assert (pool.health()[0].state, pool.health()[0].in_flight) == ("closed", 0)


async def test_a_turn_that_is_cancelled_while_waiting_leaves_nothing_open(pool_of: MakePool) -> None:
    gone, arrived = asyncio.Event(), asyncio.Event()

    async def silent(conversation: Conversation) -> None:
        arrived.set()
        await conversation.gone()
        gone.set()

    async with hostile(silent) as server:
        pool = pool_of(server.url)
        task = asyncio.create_task(pool.open(REQUEST))
        await arrived.wait()
        task.cancel()
        await asyncio.wait_for(gone.wait(), 1)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.health()[0].in_flight == 0


async def test_an_unknown_model_is_refused_before_anybody_is_asked(pool_of: MakePool) -> None:
    with pytest.raises(UnknownModelError, match="Use one of: chat"):
        await pool_of("http://127.0.0.1:1/v1").open(UpstreamRequest("POST", "/v1/chat/completions", "gpt"))


async def test_the_health_counts_what_came(pool_of: MakePool) -> None:
    async with hostile(whole(b"{}")) as server:
        pool = pool_of(server.url)
        for _ in range(3):
            await read_whole(await pool.open(REQUEST), 10)
        (health,) = pool.health()

        assert (health.name, health.requests, health.failures, health.statuses) == ("u0", 3, 0, {200: 3})
        assert health.first_bytes == 3


async def test_models_are_the_aliases_then_what_open_upstreams_say(clock: Clock) -> None:
    listing = b'{"object":"list","data":[{"id":"big"},{"id":"small"},{"no":"id"},7]}'
    async with hostile(whole(listing)) as server:
        pool = assemble([rehearsal_config(), config(server.url, "main")])
        models = ModelList(pool, clock=clock)
        ids = [entry["id"] for entry in await models.entries()]
        assert ids == ["zhengming-rehearsal", "zhengming-rehearsal-embed", "main/big", "main/small"]
        await models.entries()
        assert len(server.requests) == 1
        clock.now += 61
        await models.entries()
        assert len(server.requests) == 2
        await pool.close()


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"data":7}'])
async def test_an_open_upstream_that_lists_nothing_readable_adds_nothing(body: bytes) -> None:
    async with hostile(whole(body)) as server:
        pool = assemble([config(server.url, "main")])
        assert await ModelList(pool).entries() == []
        await pool.close()


async def test_an_open_upstream_that_is_dead_adds_nothing() -> None:
    pool = assemble([config(await dead_url(), "main")])
    assert await ModelList(pool).entries() == []
    with pytest.raises(UpstreamRefused):
        await pool.open(UpstreamRequest("POST", "/v1/chat/completions", "any", REQUEST.body_for))
    await pool.close()
