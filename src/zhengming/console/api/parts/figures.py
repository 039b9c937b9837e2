"""Figures: the overview of a stretch of time, and how the process fares."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from zhengming.accounts import service
from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.values import Answer, Id, Time, moment, moment_or_none
from zhengming.core.words import Permission
from zhengming.gateway import health
from zhengming.gateway.stats.reading import Figures, Overview, Range, overview, stretch_of
from zhengming.store import Tx

OfService = Annotated[
    str, Query(pattern=r"^[A-Za-z0-9._-]{0,64}$", description="Turns of this service only; empty for all of them.")
]


class Percentiles(Answer):
    """Percentiles, interpolated between bounds; null when nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


class Counts(Answer):
    """Counts over the turns that began in a stretch."""

    turns: int
    outcomes: dict[str, int] = Field(description="How they were answered -> how many.")
    verdicts_input: dict[str, int]
    verdicts_output: dict[str, int]
    categories: dict[str, int] = Field(description="A turn counts once under each category of its findings.")
    care_levels: dict[str, int]
    unscreened: int
    unattributed: int
    streamed: int
    tokens_in: int
    tokens_out: int
    added_ms: Percentiles = Field(description="What the gateway added until the first byte.")
    first_byte_ms: Percentiles
    held_characters: Percentiles


class Point(Answer):
    """One step of the course."""

    at: Time
    turns: int
    outcomes: dict[str, int]


class OverviewAnswer(Answer):
    """The figures of a stretch, and of the stretch of the same length before it."""

    start: Time
    end: Time
    as_of: Time | None = Field(description="Every turn before this time is counted; null when none ever was.")
    still_open: int = Field(description="Turns that had no end yet when they were counted.")
    now: Counts
    before: Counts
    course: list[Point]


class Figure(Answer):
    """A figure of the health page."""

    name: str = Field(examples=["added_p95"])
    group: str
    unit: str = Field(description="`count`, `rate` (a second), `share` (0 to 1), `ms` or `bytes`.")
    value: float | None = Field(description="Null when it cannot be known.")
    beyond: bool = Field(description="The true value is higher still.")
    level: str = Field(description="`ok`, `warn`, `bad` or `unknown`.")


class Replica(Answer):
    """A process that serves from this database."""

    id: Id
    seen_at: Time
    here: bool = Field(description="The process that answered.")


class HealthAnswer(Answer):
    """How the process that answers fares, and its installation."""

    at: Time
    instance: str
    missing: list[str] = Field(description="What turns cannot be served without and is not there.")
    figures: list[Figure]
    replicas: list[Replica] | None
    rules_version: str
    rules_count: int
    rules_failure: str


async def get_overview(
    call: Asking,
    span: Annotated[Range, Query(alias="range", description="How far back.")] = Range.DAY,
    service_id: OfService = "",
) -> OverviewAnswer:
    """Read the figures."""
    stretch = stretch_of(span, call.now)

    def query(tx: Tx) -> Overview:
        if service_id:
            service.get(tx, service_id)
        return overview(tx, stretch, service_id)

    found = await call.read(query)
    return OverviewAnswer(
        start=moment(stretch.start),
        end=moment(stretch.end),
        as_of=moment_or_none(found.as_of),
        still_open=found.still_open,
        now=_counts(found.now),
        before=_counts(found.before),
        course=[Point(at=moment(one.at), turns=one.turns, outcomes=dict(one.outcomes)) for one in found.course],
    )


async def get_health(call: Asking) -> HealthAnswer:
    """Read how the process fares."""
    found = await health.snapshot(call.gateway, call.console.facts.data)
    replicas = found.replicas
    return HealthAnswer(
        at=moment(found.at),
        instance=found.instance,
        missing=list(found.missing),
        figures=[
            Figure(
                name=one.kind.name,
                group=one.kind.group,
                unit=one.kind.unit,
                value=one.value,
                beyond=one.beyond,
                level=one.level,
            )
            for one in found.figures
        ],
        replicas=None
        if replicas is None
        else [Replica(id=one.id, seen_at=moment(one.seen_at), here=one.here) for one in replicas],
        rules_version=found.rules,
        rules_count=found.rules_count,
        rules_failure=found.rules_failure,
    )


def _counts(found: Figures) -> Counts:
    return Counts(
        turns=found.of("turns"),
        outcomes=dict(found.labels("outcome")),
        verdicts_input=dict(found.labels("verdict_in")),
        verdicts_output=dict(found.labels("verdict_out")),
        categories=dict(found.labels("category")),
        care_levels=dict(found.labels("care")),
        unscreened=found.of("unscreened"),
        unattributed=found.of("unattributed"),
        streamed=found.of("streamed"),
        tokens_in=int(found.total("tokens_in")),
        tokens_out=int(found.total("tokens_out")),
        added_ms=_percentiles(found, "added"),
        first_byte_ms=_percentiles(found, "first_byte"),
        held_characters=_percentiles(found, "held"),
    )


def _percentiles(found: Figures, measure: str) -> Percentiles:
    values = {}
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        one = found.percentile(measure, share)
        values[name] = None if one is None else one.value
    return Percentiles.model_validate(values)


OPERATIONS: Final = (
    Operation(
        "GET",
        "/overview",
        Permission.SEE_OVERVIEW,
        get_overview,
        "Counts over turns: outcomes, verdicts, categories, latency; now and in the stretch before.",
        more="The range ends with the step that is under way. 404 for an unknown service.",
        refusals=(404,),
    ),
    Operation(
        "GET",
        "/health",
        Permission.SEE_HEALTH,
        get_health,
        "How the process that answers fares, and its installation.",
    ),
)
