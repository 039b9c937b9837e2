"""The figures of a gateway process, for Prometheus. Every metric is on the generated page docs/reference/metrics.md."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

_HELD_BOUNDS = (0, 1, 2, 4, 8, 16, 32, 64)
KNOWN_KINDS = frozenset(
    {
        "audio",
        "computer_screenshot",
        "encrypted_content",
        "file",
        "image_url",
        "input_audio",
        "input_file",
        "input_image",
        "input_video",
        "item_reference",
        "tokens",
        "video_url",
    }
)
"""Kinds of unjudged parts with a series of their own; clients may write any word there, which counts as `other`."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ADDED_SECONDS = (0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 5)


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
        self.registry = CollectorRegistry()
        self.turns = self._counter("turns", "Turns by API and how they were answered.", "api", "ending")
        self.unscreened = self._counter("unscreened_turns", "Turns answered although a detector failed.")
        self.unattributed = self._counter(
            "unattributed_turns", "Turns without an end user, served under the strictest audience."
        )
        self.unjudged = self._counter("unjudged_parts", "Request parts that no detector reads yet.", "kind")
        self.verdicts = self._counter(
            "verdicts", "Signals by surface, category and verdict.", "surface", "category", "verdict"
        )
        self.help_shown = self._counter("help_shown", "Turns that carried help for a person.")
        self.detector_errors = self._counter("detector_errors", "Failures of a detector.", "surface")
        self.refused = self._counter("refused_requests", "Requests refused with an error of ours.", "code")
        self.store_errors = self._counter("store_errors", "Units the store did not take.")
        self.active = self._gauge("active_turns", "Turns under way.")
        self.rules = self._gauge("rules", "Rules in force.")
        self.upstream_open = self._gauge("upstream_open", "1 while the circuit to an upstream is open.", "upstream")
        self.first_byte = self._seconds("first_byte_seconds", "From the request to the first byte of the answer.")
        self.added = self._seconds(
            "added_seconds",
            "From the request to the first byte of the answer, less the wait for the upstream.",
            ADDED_SECONDS,
        )
        self.duration = self._seconds("turn_seconds", "From the request to the end of the answer.")
        self.commit = self._seconds("commit_seconds", "From handing a unit to the store to its acknowledgement.")
        self.held = HeldCharacters()
        self.registry.register(self.held)
        self._endings: dict[tuple[str, str], Counter] = {}

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"zhengming_{name}_total", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"zhengming_{name}", meaning, labels, registry=self.registry)

    def _seconds(self, name: str, meaning: str, buckets: tuple[float, ...] = SECONDS) -> Histogram:
        return Histogram(f"zhengming_{name}", meaning, registry=self.registry, buckets=buckets)

    def count_turn(self, api: str, ending: str) -> None:
        """Count a turn; the label look-up is kept, since it is on the hot path."""
        child = self._endings.get((api, ending))
        if child is None:
            child = self._endings[api, ending] = self.turns.labels(api, ending)
        child.inc()

    def render(self) -> bytes:
        """The text exposition of every metric."""
        return generate_latest(self.registry)
