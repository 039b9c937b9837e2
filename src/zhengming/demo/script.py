"""Who comes, when, and what they say: a sequence that depends on the seed alone.

Nothing here asks a network or a clock. A visit is one conversation of one made-up person; visits arrive as a Poisson
process, and a person pauses between two messages as long as reading and typing take.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

_SOURCE: Final = Path(__file__).with_name("talks.yaml")
_PEOPLE: Final = 60
"""How many people there are of each kind and language."""
_APIS: Final = {"chat": 80, "responses": 13, "completions": 7}
_STREAMED: Final = 0.75
_LEAVES: Final = 0.01
_PAUSE: Final = (2.0, 9.0)
"""The shortest pause before a message, and the mean of what comes on top, in seconds."""


class Talk(NamedTuple):
    """A conversation that may be had; see `talks.yaml`."""

    who: str
    lang: str
    weight: int
    turns: tuple[str, ...]
    leaves: float
    tool: bool
    json: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One conversation: `person` and `who` come from the script, `at` is seconds after the start.

    `pauses[i]` seconds lie before the message `turns[i]`; `leaves` says that the person leaves in the middle of the
    last answer. Several messages only where the API has a history.
    """

    at: float
    person: str
    who: str
    lang: str
    api: str
    stream: bool
    turns: tuple[str, ...]
    pauses: tuple[float, ...]
    leaves: bool
    tool: bool
    json: bool


@cache
def _content() -> tuple[tuple[Talk, ...], Mapping[str, Mapping[str, Sequence[str]]]]:
    content: dict[str, Any] = yaml.safe_load(_SOURCE.read_text(encoding="utf-8"))
    talks = tuple(
        Talk(
            one["who"],
            one["lang"],
            one["weight"],
            tuple(one["turns"]),
            float(one.get("leaves", _LEAVES)),
            bool(one.get("tool", False)),
            bool(one.get("json", False)),
        )
        for one in content["talks"]
    )
    return talks, content["fillers"]


def talks() -> tuple[Talk, ...]:
    """Return every conversation that may be had."""
    return _content()[0]


def turns_per_visit() -> float:
    """Return how many messages a visit has on average, which the pace of arrivals rests on."""
    found = talks()
    chat = sum(one.weight * _mean_turns(one) for one in found)
    return chat / sum(one.weight for one in found)


def _mean_turns(talk: Talk) -> float:
    alone = _APIS["completions"] / sum(_APIS.values())
    return 1.0 if talk.tool or talk.json else alone + (1 - alone) * len(talk.turns)


def visits(seed: int, rate: float) -> Iterator[Visit]:
    """Yield visits without end. `rate` is messages a second; 0 means that everybody comes at once and nobody pauses."""
    numbers = random.Random(seed)  # noqa: S311 - the same sequence for the same seed is the point
    found = talks()
    weights = [one.weight for one in found]
    arrivals = rate / turns_per_visit()
    at = 0.0
    while True:
        if rate:
            at += numbers.expovariate(arrivals)
        yield _visit(numbers, numbers.choices(found, weights)[0], at, hurried=not rate)


def bounded(found: Iterator[Visit], turns: int) -> Iterator[Visit]:
    """Yield visits until they hold `turns` messages together, the last one cut short; 0 is no bound."""
    if not turns:
        yield from found
    left = turns
    while left:
        visit = next(found)
        yield replace(visit, turns=visit.turns[:left], pauses=visit.pauses[:left])
        left -= min(left, len(visit.turns))


def _visit(numbers: random.Random, talk: Talk, at: float, *, hurried: bool) -> Visit:
    fillers = {name: numbers.choice(choices) for name, choices in _content()[1][talk.lang].items()}
    api = "chat" if talk.tool or talk.json else numbers.choices(list(_APIS), list(_APIS.values()))[0]
    turns = tuple(one.format(**fillers) for one in (talk.turns[:1] if api == "completions" else talk.turns))
    pauses = [0.0] * len(turns)
    for number in range(1, len(turns)):
        pauses[number] = 0.0 if hurried else _PAUSE[0] + numbers.expovariate(1 / _PAUSE[1])
    return Visit(
        at=at,
        person=f"demo-{talk.lang}-{talk.who}-{numbers.randrange(_PEOPLE):02d}",
        who=talk.who,
        lang=talk.lang,
        api=api,
        stream=numbers.random() < _STREAMED or talk.leaves > _LEAVES,
        turns=turns,
        pauses=tuple(pauses),
        leaves=numbers.random() < talk.leaves,
        tool=talk.tool,
        json=talk.json,
    )
