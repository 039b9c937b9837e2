"""What came of the traffic: counts that are told while it runs and at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from zhengming.demo.script import Visit

LEFT = "left"
BROKEN = "no connection"


@dataclass(slots=True)
class Tally:
    """Messages by what they got: an HTTP status, or one of the words above."""

    results: Counter[str] = field(default_factory=Counter)
    apis: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)
    visits: int = 0
    milliseconds: list[float] = field(default_factory=list)

    @property
    def turns(self) -> int:
        """How many messages were sent."""
        return sum(self.results.values())

    def note(self, visit: Visit, result: str, milliseconds: float) -> None:
        """Count one message."""
        self.results[result] += 1
        self.apis[f"{visit.api}{', streamed' if visit.stream else ''}"] += 1
        self.kinds[visit.who] += 1
        self.languages[visit.lang] += 1
        self.people.add(visit.person)
        self.milliseconds.append(milliseconds)

    def percentile(self, share: float) -> float:
        """Return how long that share of the answers took at most, in milliseconds; 0 without any."""
        found = sorted(self.milliseconds)
        return found[min(len(found) - 1, int(share * len(found)))] if found else 0.0

    def rows(self, seconds: float) -> list[tuple[str, str]]:
        """Return the summary as pairs of a name and a value."""
        pace = self.turns / seconds if seconds else 0.0
        return [
            ("messages", f"{self.turns} in {seconds:.1f} s, {pace:.2f} a second"),
            ("conversations begun", str(self.visits)),
            ("end users", str(len(self.people))),
            ("answers", _counts(self.results)),
            ("APIs", _counts(self.apis)),
            ("people", _counts(self.kinds)),
            ("languages", _counts(self.languages)),
            ("whole answer", f"50 % within {self.percentile(0.5):.0f} ms, 95 % within {self.percentile(0.95):.0f} ms"),
        ]


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())
