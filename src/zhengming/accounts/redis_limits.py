"""The limiter that replicas share: one script in Redis, atomic, with the arithmetic of `limits`.

While Redis cannot be reached, limits are not counted: requests are granted (`when_down="allow"`, the default, since
safety does not depend on limits) or refused (`"refuse"`). Each such answer is counted in `failures`, and Redis is left
alone for a second after a failure, so that no request waits for a time-out in vain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from zhengming.accounts.limits import ALLOWED, Claim, Decision, Quota, Rate, longest
from zhengming.core.errors import InvalidInputError

WHEN_DOWN: Final = ("allow", "refuse")
PAUSE: Final = 1_000
"""How long (ms) Redis is left alone after a failure."""

_log = structlog.get_logger(__name__)

# Keys outlive what they count by a minute, since the clocks of replicas and of Redis differ.
SCRIPT: Final = """
local now, asked = tonumber(ARGV[1]), ARGV[2] == '1'
local used, waits, granted = {}, {}, true
for i, key in ipairs(KEYS) do
  local n = 2 + (i - 1) * 4
  local kind, limit = ARGV[n + 1], tonumber(ARGV[n + 2])
  local cost, span = tonumber(ARGV[n + 3]), tonumber(ARGV[n + 4])
  local wait = 0
  if kind == 'r' then
    local state = redis.call('HMGET', key, 'u', 't')
    local lacks, at = tonumber(state[1] or '0'), tonumber(state[2] or ARGV[1])
    local elapsed = math.min(math.max(0, now - at), span)
    lacks = math.max(0, math.min(lacks, limit * span) - elapsed * limit)
    local lacking = lacks + (cost - limit) * span
    if lacking > 0 then wait = math.ceil(lacking / limit) end
    used[i] = {lacks + cost * span, math.max(at, now)}
  else
    local count = tonumber(redis.call('GET', key) or '0')
    if count + math.max(cost, 1) > limit then wait = math.max(1, span - now) end
  end
  waits[i] = wait
  if wait > 0 then granted = false end
end
if asked and not granted then return waits end
for i, key in ipairs(KEYS) do
  local n = 2 + (i - 1) * 4
  local cost, span = tonumber(ARGV[n + 3]), tonumber(ARGV[n + 4])
  if ARGV[n + 1] == 'r' then
    redis.call('HSET', key, 'u', used[i][1], 't', used[i][2])
    redis.call('PEXPIRE', key, span + 60000)
  elseif cost > 0 then
    redis.call('INCRBY', key, cost)
    redis.call('PEXPIRE', key, math.max(0, span - now) + 60000)
  end
end
return {}
"""


class RedisLimiter:
    """Counts for all replicas in one Redis; see the module for what happens while it is down.

    `timeout` (seconds) bounds each answer. One event loop only. Clocks of replicas may differ by seconds: the latest
    time that a bucket has seen counts, and a clock behind it refills nothing.
    """

    def __init__(self, url: str, *, when_down: str = "allow", timeout: float = 0.1) -> None:
        if when_down not in WHEN_DOWN:
            raise InvalidInputError(
                f"Limits cannot {when_down!r} while Redis is down.", next_step=f"Choose from {', '.join(WHEN_DOWN)}."
            )
        self.failures = 0
        self._when_down = when_down
        self._paused_until = 0
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
        )
        self._script = self._redis.register_script(SCRIPT)

    async def take(self, claims: Sequence[Claim], now: int) -> Decision:
        """Grant all claims or none, for all replicas."""
        if not claims:
            return ALLOWED
        waits = await self._run(claims, now, asked=True)
        if waits is not None:
            return longest(claims, waits)
        return ALLOWED if self._when_down == "allow" else Decision(allowed=False, wait=PAUSE)

    async def charge(self, quotas: Sequence[Quota], now: int) -> None:
        """Count what was used; what cannot be counted while Redis is down is lost, and counted as a failure."""
        if quotas:
            await self._run(quotas, now, asked=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _run(self, claims: Sequence[Claim], now: int, *, asked: bool) -> list[int] | None:
        """Run the script; None when Redis did not answer."""
        if now < self._paused_until:
            self.failures += 1
            return None
        arguments: list[Any] = [now, int(asked)]
        for claim in claims:
            kind, span = ("r", claim.period) if isinstance(claim, Rate) else ("q", claim.resets_at)
            arguments += (kind, claim.limit, claim.cost, span)
        try:
            return cast("list[int]", await self._script([claim.key for claim in claims], arguments))
        except (RedisError, OSError) as error:
            self.failures += 1
            self._paused_until = now + PAUSE
            _log.warning("limits.redis_down", error=str(error), failures=self.failures, granted=self._when_down)
            return None
