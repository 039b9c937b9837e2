"""Finding the rhythm 短长 短短 in a sound: how strong the tone is at each moment, and whether it keeps time.

A Goertzel filter gives the strength of the tone every 10 ms; the rise and fall of that strength is compared with the
pattern at several speeds. A find must be loud where the pattern sounds, quiet where it rests, even among its tones,
and mostly tone while it sounds: speech and music fail one of these. It is evidence, not proof.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from operator import add, mul
from typing import Final, NamedTuple

from zhengming.label.rhythm import PATTERN, UNITS, Pcm, mono

MAX_SECONDS: Final = 600
"""How much of a sound is looked at: a longer one at its start, middle and end, a third of this each."""

UNITS_MS: Final = (
    60, 63, 66, 70, 74, 78, 82, 86, 90, 95, 100, 105, 110, 115, 120, 126, 132, 139, 146, 153, 161, 170, 179, 188, 198,
    208, 219, 230, 240,
)  # fmt: skip
"""The speeds that are tried; between them a pattern is still recognised."""

_HOP_MS: Final = 10
_WINDOW_MS: Final = 20
_WORKING_RATE: Final = 8_000
_LEAST_LIKENESS: Final = 0.86
_LEAST_PURITY: Final = 0.45
_MOST_REST: Final = 0.35
_LEAST_EVENNESS: Final = 0.5
_FLOOR: Final = 30.0


class RhythmFind(NamedTuple):
    """A rhythm: where it begins and how long it lasts in seconds, and how sure the finder is (0 to 1)."""

    start: float
    length: float
    confidence: float
    frequency: int


class _Strengths(NamedTuple):
    """Per hop: the amplitude of the tone, and its share of all that sounds (0 to 1)."""

    tone: list[float]
    share: list[float]


def find(sound: Pcm, frequencies: Sequence[int] = (800,)) -> list[RhythmFind]:
    """Return the rhythms of a sound in order of time, none that overlap.

    The tone must be within about 20 Hz of one of `frequencies`. The work is bounded by MAX_SECONDS of sound.
    """
    found: list[RhythmFind] = []
    for start, end in _parts(sound):
        values, rate = _thinned(mono(sound, start, end), sound.rate)
        for frequency in frequencies:
            strengths = _strengths(values, rate, frequency)
            found += [
                RhythmFind(round(start / sound.rate + at * _HOP_MS / 1_000, 2), length, sure, frequency)
                for at, length, sure in _matches(strengths)
            ]
    return _apart(found)


def _parts(sound: Pcm) -> list[tuple[int, int]]:
    most = MAX_SECONDS * sound.rate
    if sound.count <= most:
        return [(0, sound.count)]
    third = most // 3
    middle = (sound.count - third) // 2
    return [(0, third), (middle, middle + third), (sound.count - third, sound.count)]


def _thinned(values: array[int], rate: int) -> tuple[Sequence[int], int]:
    """Average neighbours down to about 8 kHz; averaging keeps most of what is higher from folding down."""
    factor = max(rate // _WORKING_RATE, 1)
    if factor == 1:
        return values, rate
    whole = len(values) // factor * factor
    total: Sequence[int] = values[0:whole:factor]
    for shift in range(1, factor):
        total = list(map(add, total, values[shift:whole:factor]))
    return [value // factor for value in total], rate // factor


def _strengths(values: Sequence[int], rate: int, frequency: int) -> _Strengths:
    window, hop = rate * _WINDOW_MS // 1_000, rate * _HOP_MS / 1_000
    turn = 2 * math.pi * frequency / rate
    cosines = [math.cos(turn * at) for at in range(window)]
    sines = [math.sin(turn * at) for at in range(window)]
    tone, share = [], []
    for number in range(max(int((len(values) - window) / hop) + 1, 0)):
        first = int(number * hop)
        part = values[first : first + window]
        power = sum(map(mul, part, cosines)) ** 2 + sum(map(mul, part, sines)) ** 2
        energy = sum(map(mul, part, part))
        tone.append(2 * math.sqrt(power) / window)
        share.append(min(2 * power / (window * energy), 1.0) if energy else 0.0)
    return _Strengths(tone, share)


class _Template(NamedTuple):
    """A pattern at one speed: which hops sound and which rest, one range for each; the hops of an edge are left out."""

    length: int
    sounding: list[range]
    resting: list[range]


def _template(unit_ms: int) -> _Template:
    """Return the pattern with one unit of rest before and after it."""
    unit = unit_ms / _HOP_MS
    at = 0.0
    sounding: list[range] = []
    resting: list[range] = []
    for units, sounds in ((1, False), *PATTERN, (1, False)):
        first, last = round(at + 1), round(at + units * unit - 2)
        (sounding if sounds else resting).append(range(first, max(last, first + 1)))
        at += units * unit
    return _Template(round(at), sounding, resting)


_TEMPLATES: Final = {unit: _template(unit) for unit in UNITS_MS}


def _matches(strengths: _Strengths) -> Iterator[tuple[float, float, float]]:
    """Yield start (in hops), length (in seconds) and confidence of everything that passes, overlaps included."""
    for unit_ms, template in _TEMPLATES.items():
        unit = unit_ms / _HOP_MS
        lead = round(unit)
        padded = _Strengths([0.0] * lead + strengths.tone + [0.0] * lead, [0.0] * lead + strengths.share + [0.0] * lead)
        running = _running(padded.tone)
        for at in range(len(padded.tone) - template.length + 1):
            sure = _confidence(padded, running, template, at)
            if sure >= _LEAST_LIKENESS:
                yield at, UNITS * unit_ms / 1_000, sure


def _running(values: list[float]) -> list[float]:
    total, sums = 0.0, [0.0]
    for value in values:
        total += value
        sums.append(total)
    return sums


def _confidence(strengths: _Strengths, running: list[float], template: _Template, at: int) -> float:
    """Return how well the pattern fits here, 0 when one of its conditions fails."""
    loud = [_mean(running, at, part) for part in template.sounding]
    weakest, strongest = min(loud), max(loud)
    if weakest < _FLOOR or weakest < strongest * _LEAST_EVENNESS:
        return 0.0
    quiet = [_mean(running, at, part) for part in template.resting]
    if max(quiet) > weakest * _MOST_REST:
        return 0.0
    shares = [strengths.share[at + hop] for part in template.sounding for hop in part]
    purity = sum(shares) / len(shares)
    if purity < _LEAST_PURITY:
        return 0.0
    levels = [strengths.tone[at + hop] for part in template.sounding for hop in part]
    rests = [strengths.tone[at + hop] for part in template.resting for hop in part]
    return _likeness(levels, rests)


def _mean(running: list[float], at: int, part: range) -> float:
    return (running[at + part.stop] - running[at + part.start]) / len(part)


def _likeness(levels: list[float], rests: list[float]) -> float:
    """Return the correlation of the strengths with a pattern that is 1 while sounding and 0 at rest."""
    count, sounding = len(levels) + len(rests), len(levels)
    mean = (sum(levels) + sum(rests)) / count
    spread = sum((value - mean) ** 2 for value in levels) + sum((value - mean) ** 2 for value in rests)
    ideal = sounding * (count - sounding) / count
    shared = sum(levels) - sounding * mean
    return round(min(shared / math.sqrt(spread * ideal), 1.0), 3) if spread else 0.0


def _apart(found: list[RhythmFind]) -> list[RhythmFind]:
    """Keep the surest of each group that overlaps."""
    kept: list[RhythmFind] = []
    for one in sorted(found, key=lambda find: -find.confidence):
        if all(one.start >= other.start + other.length or other.start >= one.start + one.length for other in kept):
            kept.append(one)
    return sorted(kept)
