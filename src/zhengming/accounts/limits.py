"""Limits: token buckets a minute and quotas a day, for API keys and end users, and the limiter in memory.

All numbers are whole and stay below 2**53, so that the script in Redis (`redis_limits`), whose numbers are doubles,
counts exactly the same; one table of tests runs on both. Time is an argument. Limits protect the service's means, never
people's safety: no safety decision waits for them, and a person in danger is helped before they are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from zhengming.accounts.lru import Lru
from zhengming.accounts.profiles import ServiceProfile
from zhengming.accounts.pseudonyms import Who

MINUTE: Final = 60_000
DAY: Final = 86_400_000
BEIJING: Final = 8 * 3_600_000
"""Quotas begin anew at midnight of Beijing time (UTC+8, no summer time) unless told otherwise."""


class Rate(NamedTuple):
    """A claim on a token bucket: it holds `limit` tokens, refills evenly in `period` ms, and `cost` are wanted."""

    name: str
    key: str
    limit: int
    cost: int = 1
    period: int = MINUTE


class Quota(NamedTuple):
    """A claim on a quota that ends at `resets_at` (ms). A cost of 0 asks only whether anything is left."""

    name: str
    key: str
    limit: int
    cost: int
    resets_at: int


Claim = Rate | Quota


class Decision(NamedTuple):
    """Whether all claims were granted; else the claim that makes one wait longest, and how long (ms).

    `refused` is None when the limiter itself could not be asked and refuses for that.
    """

    allowed: bool
    refused: Claim | None = None
    wait: int = 0


ALLOWED: Final = Decision(allowed=True)


class Limiter(Protocol):
    """Grants all claims together or none. The keys of one call are distinct."""

    failures: int

    async def take(self, claims: Sequence[Claim], now: int) -> Decision:
        """Ask for all claims at `now` (ms); they are taken only when every one is granted."""

    async def charge(self, quotas: Sequence[Quota], now: int) -> None:
        """Count what was used after the fact, even beyond the limit: the tokens of a turn are known at its end."""

    async def close(self) -> None:
        """Let go of connections."""


class Bucket(NamedTuple):
    """What a bucket lacks, in tokens times its period, and when that was counted."""

    used: int
    at: int


def drained(bucket: Bucket, claim: Rate, now: int) -> int:
    """Return what the bucket lacks at `now`; a clock that runs back refills nothing, a lowered limit counts at once."""
    elapsed = min(max(0, now - bucket.at), claim.period)
    return max(0, min(bucket.used, claim.limit * claim.period) - elapsed * claim.limit)


def rate_wait(used: int, claim: Rate) -> int:
    """Return the ms until a claim can be granted by a bucket that lacks `used`; 0 for now."""
    lacking = used + (claim.cost - claim.limit) * claim.period
    return 0 if lacking <= 0 else -(-lacking // claim.limit)


def quota_wait(used: int, claim: Quota, now: int) -> int:
    """Return the ms until a claim can be granted by a quota of which `used` is gone; 0 for now."""
    return 0 if used + max(claim.cost, 1) <= claim.limit else max(1, claim.resets_at - now)


def longest(claims: Sequence[Claim], waits: Sequence[int]) -> Decision:
    """Return the decision that follows from how long each claim would have to wait; of equals the first is named."""
    wait = max(waits, default=0)
    return Decision(allowed=False, refused=claims[waits.index(wait)], wait=wait) if wait else ALLOWED


class MemoryLimiter:
    """Counts in this process only, which is exact for one process; `size` bounds the keys it keeps.

    A key that is forgotten begins anew with a full bucket: what was used longest ago goes first.
    """

    def __init__(self, *, size: int = 200_000) -> None:
        self.failures = 0
        self._buckets: Lru[str, Bucket] = Lru(size)
        self._quotas: Lru[str, int] = Lru(size)

    async def take(self, claims: Sequence[Claim], now: int) -> Decision:
        """Grant all claims or none."""
        waits: list[int] = []
        for claim in claims:
            if isinstance(claim, Rate):
                waits.append(rate_wait(self._used(claim, now), claim))
            else:
                waits.append(quota_wait(self._quotas.get(claim.key) or 0, claim, now))
        decision = longest(claims, waits)
        if decision.allowed:
            for claim in claims:
                self._count(claim, now)
        return decision

    async def charge(self, quotas: Sequence[Quota], now: int) -> None:
        """Count what was used."""
        for quota in quotas:
            self._count(quota, now)

    async def close(self) -> None:
        """Nothing is held."""

    def _used(self, claim: Rate, now: int) -> int:
        bucket = self._buckets.get(claim.key)
        return 0 if bucket is None else drained(bucket, claim, now)

    def _count(self, claim: Claim, now: int) -> None:
        if isinstance(claim, Quota):
            if claim.cost:
                self._quotas.put(claim.key, (self._quotas.get(claim.key) or 0) + claim.cost)
            return
        bucket = self._buckets.get(claim.key)
        at = now if bucket is None else max(bucket.at, now)
        self._buckets.put(claim.key, Bucket(self._used(claim, now) + claim.cost * claim.period, at))


def claims_of(service: ServiceProfile, key_id: str, who: Who, now: int, *, offset: int = BEIJING) -> list[Claim]:
    """Return what one request claims; empty, at no cost, for a service without limits.

    People who only stand for a key have no limits of their own: the key's count for them all.
    """
    limits = service.limits
    found: list[Claim] = []
    day = (now + offset) // DAY
    resets_at = (day + 1) * DAY - offset
    subjects = [("key", key_id)] if who.stand_in else [("key", key_id), ("person", who.person_id)]
    for kind, subject in subjects:
        base = f"zm:{{{service.id}}}:{subject}"  # one slot of a Redis cluster a service: the braces
        if rate := getattr(limits, f"{kind}_requests_per_minute"):
            found.append(Rate(f"{kind}_requests_per_minute", f"{base}:m", rate))
        if quota := getattr(limits, f"{kind}_requests_per_day"):
            found.append(Quota(f"{kind}_requests_per_day", f"{base}:r:{day}", quota, 1, resets_at))
        if quota := getattr(limits, f"{kind}_tokens_per_day"):
            found.append(Quota(f"{kind}_tokens_per_day", f"{base}:t:{day}", quota, 0, resets_at))
    return found


def charges_of(claims: Sequence[Claim], tokens: int) -> list[Quota]:
    """Return what a finished turn is charged: its tokens, on the token quotas that its request claimed."""
    return [
        claim._replace(cost=tokens) for claim in claims if isinstance(claim, Quota) and claim.cost == 0 and tokens > 0
    ]
