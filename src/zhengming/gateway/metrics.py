"""The figures of a gateway process, for Prometheus. Every metric is on the generated page docs/reference/metrics.md."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

_HELD_BOUNDS = (0, 1, 2, 4, 8, 16, 32, 64)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class HeldCharacters(Collector):
    """How many characters the guard held after each streamed chunk; counted in a list, since it is on the hot path."""

    def __init__(self) -> None:
        self.counts = [0] * (_HELD_BOUNDS[-1] + 2)
        self.total = 0

    def observe(self, held: int) -> None:
        """Count one chunk after which `held` characters were held back."""
        self.total += held
        self.counts[held if held <= _HELD_BOUNDS[-1] else -1] += 1

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Give the counts as a cumulative histogram."""
        buckets = [(str(bound), sum(self.counts[: bound + 1])) for bound in _HELD_BOUNDS]
        buckets.append(("+Inf", sum(self.counts)))
        yield HistogramMetricFamily(
            "zhengming_held_characters", "Characters held back after a streamed chunk.", buckets, sum_value=self.total
        )


class Metrics:
    """One registry a process, so that several gateways in one test do not meet."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.turns = Counter(
            "zhengming_turns_total", "Turns by API and how they were answered.", ["api", "ending"], registry=registry
        )
        self.unscreened = Counter(
            "zhengming_unscreened_turns_total", "Turns answered although a detector failed.", registry=registry
        )
        self.unattributed = Counter(
            "zhengming_unattributed_turns_total",
            "Turns without an end user or a conversation, served under the strictest audience.",
            registry=registry,
        )
        self.unjudged = Counter(
            "zhengming_unjudged_parts_total", "Request parts that no detector reads yet.", ["kind"], registry=registry
        )
        self.verdicts = Counter(
            "zhengming_verdicts_total",
            "Signals by surface, category and verdict.",
            ["surface", "category", "verdict"],
            registry=registry,
        )
        self.help_shown = Counter(
            "zhengming_help_shown_total", "Turns that carried help for a person.", registry=registry
        )
        self.detector_errors = Counter(
            "zhengming_detector_errors_total", "Failures of a detector.", ["surface"], registry=registry
        )
        self.refused = Counter(
            "zhengming_refused_requests_total",
            "Requests refused before a turn was opened.",
            ["code"],
            registry=registry,
        )
        self.store_errors = Counter("zhengming_store_errors_total", "Units the store did not take.", registry=registry)
        self.active = Gauge("zhengming_active_turns", "Turns under way.", registry=registry)
        self.first_byte = Histogram(
            "zhengming_first_byte_seconds",
            "From the request to the first byte of the answer.",
            registry=registry,
            buckets=_SECONDS,
        )
        self.duration = Histogram(
            "zhengming_turn_seconds", "From the request to the end of the answer.", registry=registry, buckets=_SECONDS
        )
        self.commit = Histogram(
            "zhengming_commit_seconds",
            "From handing a unit to the store to its acknowledgement.",
            registry=registry,
            buckets=_SECONDS,
        )
        self.rules = Gauge("zhengming_rules", "Rules in force.", registry=registry)
        self.upstream_open = Gauge(
            "zhengming_upstream_open", "1 while the circuit to an upstream is open.", ["upstream"], registry=registry
        )
        self.held = HeldCharacters()
        registry.register(self.held)

        self._endings: dict[tuple[str, str], Counter] = {}

    def count_turn(self, api: str, ending: str) -> None:
        """Count a turn; the label look-up is kept, since it is on the hot path."""
        child = self._endings.get((api, ending))
        if child is None:
            child = self._endings[api, ending] = self.turns.labels(api, ending)
        child.inc()

    def render(self) -> bytes:
        """The text exposition of every metric."""
        return generate_latest(self.registry)
