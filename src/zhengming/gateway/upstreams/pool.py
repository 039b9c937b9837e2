"""All upstreams of a gateway: who is asked for a model, who is asked next, and how each of them fares.

Another attempt is made only while not one byte of an answer's body has been handed on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from zhengming.gateway.upstreams.breaker import Breaker, BreakerSettings, Permit
from zhengming.gateway.upstreams.config import UpstreamConfig
from zhengming.gateway.upstreams.errors import UpstreamError, UpstreamResting
from zhengming.gateway.upstreams.request import SUCCESS, Answer, Upstream, UpstreamRequest
from zhengming.gateway.upstreams.retry import RetryPolicy, retry_after
from zhengming.gateway.upstreams.routes import RouteTable, Target


class UpstreamHealth(NamedTuple):
    """What is known of an upstream, as plain numbers for metrics; counters since the start."""

    name: str
    state: str
    in_flight: int
    requests: int
    failures: int
    retries: int
    statuses: dict[int, int]
    errors: dict[str, int]
    first_byte_seconds: float
    first_bytes: int


@dataclass(slots=True)
class _Member:
    upstream: Upstream
    breaker: Breaker
    statuses: dict[int, int]
    errors: dict[str, int]
    rest_until: float = 0.0
    in_flight: int = 0
    requests: int = 0
    failures: int = 0
    retries: int = 0
    first_byte_seconds: float = 0.0
    first_bytes: int = 0


class _Attempts:
    """What the attempts for one request have brought so far."""

    __slots__ = ("answer", "error", "made", "waits")

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.error: UpstreamError | None = None
        self.made = 0
        self.waits: dict[str, float] = {}  # upstream -> seconds after which it may be asked again

    async def drop(self) -> None:
        if self.answer is not None:
            answer, self.answer = self.answer, None
            await answer.close()


class UpstreamPool:
    """Asks the upstreams of a route in order. Make it inside a running event loop, and close it there."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        routes: RouteTable,
        *,
        policy: RetryPolicy | None = None,
        breaker: BreakerSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.routes = routes
        self._policy = policy or RetryPolicy()
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._members = {
            upstream.config.name: _Member(upstream, Breaker(breaker), statuses={}, errors={}) for upstream in upstreams
        }

    async def open(self, request: UpstreamRequest) -> Answer:
        """Return the first usable answer; the last refusal's own answer when no upstream gave a better one.

        Raises UnknownModelError, UpstreamResting when every circuit is open, else the last upstream's error.
        The caller closes the answer.
        """
        return await self._open(request, self.routes.targets(request.model))

    async def open_at(self, name: str, request: UpstreamRequest) -> Answer:
        """Ask one upstream by its name, with `request.model` as its own model name; errors as in :meth:`open`."""
        return await self._open(request, (Target(name, request.model),))

    async def close(self) -> None:
        """Release every connection."""
        for member in self._members.values():
            await member.upstream.close()

    def health(self) -> tuple[UpstreamHealth, ...]:
        """Return how every upstream fares, in the order of the configuration."""
        return tuple(
            UpstreamHealth(
                name,
                str(member.breaker.state),
                member.in_flight,
                member.requests,
                member.failures,
                member.retries,
                dict(member.statuses),
                dict(member.errors),
                member.first_byte_seconds,
                member.first_bytes,
            )
            for name, member in self._members.items()
        )

    def configs(self) -> tuple[UpstreamConfig, ...]:
        """Return how every upstream is described, in the order of the configuration."""
        return tuple(member.upstream.config for member in self._members.values())

    def waits(self) -> dict[str, float]:
        """Return the seconds until each upstream may be asked again, 0.0 for those that may be asked now."""
        now = self._clock()
        return {name: member.breaker.wait(now) for name, member in self._members.items()}

    def ready(self) -> bool:
        """Whether at least one upstream may be asked now."""
        now = self._clock()
        return any(member.breaker.wait(now) == 0.0 for member in self._members.values())

    async def _open(self, request: UpstreamRequest, targets: Sequence[Target]) -> Answer:
        attempts = _Attempts()
        try:
            for target in self._order(targets, attempts):
                member = self._members[target.upstream]
                permit = member.breaker.ask(self._clock())
                if permit is None:
                    attempts.waits.pop(target.upstream, None)
                    continue
                found = await self._attempt(member, permit, target, request, attempts)
                if found is not None:
                    return found
        except BaseException:
            await attempts.drop()
            raise
        if attempts.answer is not None:
            return attempts.answer
        raise attempts.error or self._resting(targets)

    def _order(self, targets: Sequence[Target], attempts: _Attempts) -> Iterator[Target]:
        """Every target once, resting ones last, then those again that said or showed that it may help."""
        limit = self._policy.attempts
        first = targets
        if len(targets) > 1:
            now = self._clock()
            first = sorted(targets, key=lambda target: self._members[target.upstream].rest_until > now)
        for target in first:
            if attempts.made < limit:
                yield target
        while attempts.made < limit:
            again = [target for target in first if target.upstream in attempts.waits]
            if not again:
                return
            yield min(again, key=lambda target: attempts.waits[target.upstream])

    async def _attempt(
        self, member: _Member, permit: Permit, target: Target, request: UpstreamRequest, attempts: _Attempts
    ) -> Answer | None:
        """Ask once. Return an answer to keep; else note in `attempts` what came, and return None."""
        wait = attempts.waits.pop(target.upstream, None)
        try:
            await attempts.drop()
            if wait is not None:
                await self._sleep(wait)
        except BaseException:
            member.breaker.abandoned(permit)
            raise
        if attempts.made:
            member.retries += 1
        attempts.made += 1
        try:
            answer = await self._ask(member, permit, target, request)
        except UpstreamError as error:
            attempts.error = error
            if error.repeatable:
                attempts.waits[target.upstream] = self._policy.pause
            return None
        if answer.status not in self._policy.statuses:
            return answer
        attempts.answer = answer
        asked = retry_after(answer.headers, self._wall())
        if asked is not None:
            member.rest_until = self._clock() + min(asked, self._policy.longest_rest)
        if asked is not None and asked <= self._policy.longest_wait:
            attempts.waits[target.upstream] = asked
        return None

    async def _ask(self, member: _Member, permit: Permit, target: Target, request: UpstreamRequest) -> Answer:
        breaker = member.breaker
        member.requests += 1
        member.in_flight += 1
        began = self._clock()
        try:
            answer = await member.upstream.open(request, target.model)
        except UpstreamError as error:
            member.in_flight -= 1
            self._failed(member, permit, error)
            raise
        except BaseException:
            member.in_flight -= 1
            breaker.abandoned(permit)
            raise
        member.statuses[answer.status] = member.statuses.get(answer.status, 0) + 1
        failing = answer.status in self._policy.failing
        if failing:
            member.failures += 1
            breaker.failure(permit, self._clock())
        else:
            breaker.first_byte(permit)
        if answer.status in SUCCESS:
            member.first_byte_seconds += self._clock() - began
            member.first_bytes += 1

        def ended(error: UpstreamError | None, complete: bool) -> None:  # noqa: FBT001 - the type is `Ended`
            member.in_flight -= 1
            if failing:
                return
            if error is not None:
                self._failed(member, permit, error)
            elif complete:
                breaker.success(permit)
            else:
                breaker.abandoned(permit)

        answer.on_end = ended
        return answer

    def _failed(self, member: _Member, permit: Permit, error: UpstreamError) -> None:
        member.failures += 1
        member.errors[error.code] = member.errors.get(error.code, 0) + 1
        if error.code == "upstream_too_large":  # one request's doing, not the upstream's state
            member.breaker.abandoned(permit)
        else:
            member.breaker.failure(permit, self._clock())

    def _resting(self, targets: Sequence[Target]) -> UpstreamResting:
        now = self._clock()
        wait = min(self._members[target.upstream].breaker.wait(now) for target in targets)
        return UpstreamResting(  # it goes to clients, who do not learn which upstreams there are
            "The upstream of this model failed several times in a row and is left alone for a moment.",
            retry_after=max(wait, 1.0),
            upstream=targets[0].upstream,
            next_step="Try again later; the operator sees on the upstreams' page which one it is.",
        )
