"""Measure the hold-back guard: a million random cuts that leak nothing, CPU a chunk, characters held.

`python -m bench.guard [--cuts N]` writes `bench/results/guard.json`.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from statistics import fmean

import orjson
from bench.common import write_result
from bench.patterns import lines, pattern_rules, pieces
from tests.screen.guard import oracle, strategies
from tests.screen.guard.cases import expression, literal, mask_of

from zhengming.core.words import Audience, Surface, Verdict
from zhengming.screen.defaults import load_default_library, load_default_policy, load_default_scorers
from zhengming.screen.guard import Mask, Screening, Show, Stop, TextGuard
from zhengming.screen.matcher import compile_matcher
from zhengming.screen.policy import ACTING, Profile, compile_profile
from zhengming.screen.rule import Rule, RuleSet

CUTS_A_TEXT = 200
ROUNDS = 40
SIZES = (10_000, 100_000)


def screening_of(rules: RuleSet, *, scored: bool = True) -> Screening:
    """Return what the gateway runs for an adult's answers under the policy that ships: scorers that act, no others."""
    profile = compile_profile(load_default_policy(), rules, Surface.OUTPUT, Audience.ADULT)
    scorers = tuple(one for one in load_default_scorers() if scored and profile.verdict_of(one) in ACTING)
    return Screening(compile_matcher(rules), profile, scorers, mask_of)


def random_rules(chance: random.Random) -> tuple[list[Rule], list[Verdict]]:
    """Return a few rules that overlap, with verdicts."""
    rules = []
    for number in range(chance.randint(1, 5)):
        severity, boundary = chance.randint(1, 4), chance.random() < 0.5
        if chance.random() < 0.5:
            words = chance.sample(strategies.LITERALS, chance.randint(1, 3))
            rules.append(literal(f"r{number}", *words, severity=severity, boundary=boundary, mask=f"m{number}"))
        else:
            pattern = chance.choice(strategies.EXPRESSIONS)
            rules.append(expression(f"r{number}", pattern, severity=severity, boundary=boundary, mask=f"m{number}"))
    return rules, chance.choices(strategies.VERDICTS, k=len(rules))


def random_text(chance: random.Random, rules: Sequence[Rule]) -> str:
    """Return a text full of what the rules look for, whole and broken."""
    likely = [text for rule in rules for text in (*rule.literals, *strategies.FINDS.get(rule.expression, ()))]
    pool = (*likely * 4, *strategies.FRAGMENTS)
    return "".join(chance.choices(pool, k=chance.randint(2, 14)))


def planted_text(chance: random.Random, ordinary: Sequence[str], rules: Sequence[Rule]) -> str:
    """Return an ordinary line with findings of the shipped rules set into it."""
    line = chance.choice(ordinary)
    for _ in range(chance.randint(0, 3)):
        place = chance.randint(0, len(line))
        rule = chance.choice(rules)
        planted = chance.choice((*rule.examples, *rule.literals[:20], *rule.counter_examples, "13800138000"))
        line = line[:place] + planted + line[place:]
    return line


def leaks(screening: Screening, text: str, expected: oracle.Outcome, chance: random.Random) -> Counter[str]:
    """Cut the text at random, often; fail when one character is shown that the whole text does not show."""
    sums = Counter(cuts=CUTS_A_TEXT, cuts_where_something_is_hidden=CUTS_A_TEXT * (expected.shown != text))
    for _ in range(CUTS_A_TEXT):
        size = chance.choice((1, 2, 4, 9))
        places = sorted({0, len(text), *chance.choices(range(len(text) + 1), k=len(text) // size)})
        guard, shown, stop = TextGuard(screening), "", -1
        parts = [text[one:other] for one, other in pairwise(places)]
        for step in [*map(guard.feed, parts), guard.finish()]:
            for command in step:
                if isinstance(command, Show | Mask):
                    shown += command.text
                elif isinstance(command, Stop):
                    stop = command.at
            assert expected.shown.startswith(shown), f"leak in {text!r} cut as {parts!r}: {shown!r}, {expected!r}"
        assert (shown, stop) == (expected.shown, expected.stop), f"{text!r} cut as {parts!r}: {shown!r}, {expected!r}"
        sums["chunks"] += len(parts)
    return sums


def small_sets(cuts: int, seed: int) -> Counter[str]:
    """Cut texts full of matches under small rule sets that overlap; the oracle is brute force."""
    chance, sums = random.Random(seed), Counter[str]()
    policy, nothing = load_default_policy(), frozenset[int]()
    while sums["cuts"] < cuts:
        rules, verdicts = random_rules(chance)
        acting = frozenset(number for number, verdict in enumerate(verdicts) if verdict in ACTING)
        matcher = compile_matcher(RuleSet(tuple(rules)))
        profile = Profile(policy, Surface.OUTPUT, Audience.ADULT, matcher.version, tuple(verdicts), acting, nothing)
        screening = Screening(matcher, profile, (), mask_of)
        text = random_text(chance, rules)
        expected = oracle.outcome(rules, verdicts, mask_of, text)
        sums += leaks(screening, text, expected, chance)
    return sums


def large_set(cuts: int, seed: int) -> Counter[str]:
    """Cut ordinary lines with planted findings under 10,000 patterns and the library; the oracle is the bulk engine."""
    chance, sums = random.Random(seed), Counter[str]()
    rules = pattern_rules(10_000, load_default_library())
    screening, matcher = screening_of(rules, scored=False), compile_matcher(rules)
    ordinary = lines("zh") + lines("en")
    while sums["cuts"] < cuts:
        text = planted_text(chance, ordinary, rules.rules)
        expected = oracle.outcome_of(rules.rules, screening.profile.verdicts, mask_of, text, matcher.scan(text))
        sums += leaks(screening, text, expected, chance)
    return sums


def cut_at_random(cuts: int, workers: int) -> dict[str, object]:
    """Run both kinds, half of the cuts each, on all workers."""
    begun = time.perf_counter()
    share = cuts // (2 * workers)
    with ProcessPoolExecutor(workers) as pool:
        runs = [pool.submit(kind, share, seed) for seed in range(workers) for kind in (small_sets, large_set)]
        sums: Counter[str] = sum((run.result() for run in runs), Counter[str]())
    return {**sums, "leaks": 0, "seconds": time.perf_counter() - begun, "workers": workers}


def least(runs: Mapping[str, Callable[[int], None]], texts: int, chunks: int) -> dict[str, float]:
    """Return the CPU time of each run in microseconds a chunk; a run takes the number of a text.

    The runs alternate on each text and the least time of each text counts, so that what else the machine does falls
    on all alike and mostly out.
    """
    total = dict.fromkeys(runs, 0.0)
    for text in range(texts):
        times = dict.fromkeys(runs, float("inf"))
        for _ in range(ROUNDS):
            for name, run in runs.items():
                begun = time.perf_counter()
                run(text)
                times[name] = min(times[name], time.perf_counter() - begun)
        for name, seconds in times.items():
            total[name] += seconds
    return {name: seconds / chunks * 1e6 for name, seconds in total.items()}


def event(piece: str) -> bytes:
    """Return one streamed chunk as an upstream writes it, without its line prefix."""
    return orjson.dumps(
        {
            "id": "chatcmpl-0123456789",
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": "model",
            "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}],
        }
    )


def costs(scored: Screening, unscored: Screening, language: str) -> dict[str, float]:
    """Return microseconds a chunk: reading it (the floor), the matcher, the guard with it, and scorers as well."""
    texts = pieces(language)
    events = [[event(piece) for piece in parts] for parts in texts]

    def floor(text: int) -> None:
        for data in events[text]:
            orjson.loads(data.decode())["choices"][0]["delta"]["content"]

    def scan(text: int) -> None:
        stream = unscored.matcher.stream(unscored.holding)
        feed, live_from = stream.feed, stream.live_from
        for piece in texts[text]:
            feed(piece)
            live_from()

    def guard(screening: Screening) -> Callable[[int], None]:
        def run(text: int) -> None:
            feed = TextGuard(screening).feed
            for piece in texts[text]:
                feed(piece)

        return run

    runs = {"floor_us": floor, "matcher_us": scan, "unscored_us": guard(unscored), "guard_us": guard(scored)}
    return least(runs, len(texts), sum(map(len, texts)))


def held(screening: Screening, language: str) -> dict[str, float]:
    """Return how many characters are held after each chunk of ordinary text."""
    counts: list[int] = []
    for parts in pieces(language):
        guard = TextGuard(screening)
        for piece in parts:
            assert not any(isinstance(command, Mask | Stop) for command in guard.feed(piece))
            counts.append(guard.held)
    counts.sort()
    return {"mean": fmean(counts), "p99": counts[int(len(counts) * 0.99)], "max": counts[-1]}


def main() -> None:
    """Run all and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=1_000_000, help="random cuts (default: a million)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes (default: cores)")
    arguments = parser.parse_args()
    ratios: dict[str, float] = {}
    raw: dict[str, object] = {}
    for size in SIZES:
        rules = pattern_rules(size, load_default_library())
        begun = time.perf_counter()
        screening, unscored = screening_of(rules), screening_of(rules, scored=False)
        raw[f"compile_seconds_{size}"] = (time.perf_counter() - begun) / 2
        for language in ("zh", "en"):
            figures = costs(screening, unscored, language)
            ratios[f"cpu_chunk_vs_floor_{language}_{size}"] = figures["guard_us"] / figures["floor_us"]
            name = f"{language}_{size}"
            raw[name] = {
                **figures,
                "guard_added_us": figures["unscored_us"] - figures["matcher_us"],
                "scorers_added_us": figures["guard_us"] - figures["unscored_us"],
                "held_characters": held(screening, language),
            }
            print(f"{size:>7} patterns, {language}: {raw[name]}")
    raw["random_cuts"] = cut_at_random(arguments.cuts, arguments.workers)
    print(f"random cuts: {raw['random_cuts']}")
    print(f"written: {write_result('guard', ratios, raw)}")


if __name__ == "__main__":
    main()
