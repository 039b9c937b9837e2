"""The explicit label of sound as a rhythm (GB 45438-2025, 5.3): short long, short short; Morse for A and I.

The standard gives the pattern alone. Tone and unit are ours: 800 Hz, 120 ms, the letters three units apart, 1.32 s in
all. Samples in, samples out; who finds the rhythm in a sound is :mod:`zhengming.label.rhythm_finding`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from zhengming.core.errors import InvalidInputError

PATTERN: Final = ((1, True), (1, False), (3, True), (3, False), (1, True), (1, False), (1, True))
"""Units of tone and silence: dot gap dash, the gap between letters, dot gap dot."""

UNITS: Final = sum(units for units, _ in PATTERN)

RATES: Final = range(8_000, 48_001)
WIDTHS: Final = (1, 2, 3, 4)
_PEAK: Final = 32_767
_CALM_SECONDS: Final = 0.02


class RhythmError(InvalidInputError):
    """The sound or the rhythm cannot be used as given; nothing was placed."""

    code = "rhythm_invalid"


class SoundPlace(StrEnum):
    """Where in a sound the rhythm stands; one place is enough for the standard."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How the rhythm sounds: tone in Hz, unit in milliseconds, peak level in dB below full scale.

    `ramp_ms` rounds each tone off with a raised cosine, so that it does not click; `pause_ms` is the silence between
    the rhythm and the sound. Raises RhythmError when a value is outside what can be heard as this pattern.
    """

    frequency: int = 800
    unit_ms: int = 120
    level_db: float = -12.0
    ramp_ms: int = 10
    pause_ms: int = 400

    def __post_init__(self) -> None:
        limits = (
            ("frequency", self.frequency, 300, 3_400),
            ("unit_ms", self.unit_ms, 60, 240),
            ("level_db", self.level_db, -30, 0),
            ("ramp_ms", self.ramp_ms, 2, self.unit_ms // 4),
            ("pause_ms", self.pause_ms, self.unit_ms, 2_000),
        )
        for name, value, least, most in limits:
            if not least <= value <= most:
                raise RhythmError(
                    f"{name} of the rhythm is {value}.", next_step=f"Give a value from {least} to {most}."
                )


@dataclass(frozen=True, slots=True)
class Pcm:
    """Sound as little-endian PCM: `frames` interleaved, `width` bytes a sample (8 bits are unsigned, as in WAV).

    Raises RhythmError for rates outside 8 to 48 kHz, other widths, and bytes that are no whole number of frames.
    """

    frames: bytes
    rate: int
    channels: int
    width: int

    def __post_init__(self) -> None:
        if self.rate not in RATES or self.channels not in (1, 2) or self.width not in WIDTHS:
            raise RhythmError(
                f"Sound of {self.rate} Hz, {self.channels} channels and {8 * self.width} bits is not supported.",
                next_step="Use mono or stereo PCM of 8 to 48 kHz with 8, 16, 24 or 32 bits.",
            )
        if len(self.frames) % self.frame_bytes:
            raise RhythmError(
                f"The sound ends within a frame ({len(self.frames)} bytes, {self.frame_bytes} a frame).",
                next_step="Cut it at a whole frame.",
            )

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: a sample of each channel."""
        return self.channels * self.width

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.frames) // self.frame_bytes


def samples(rate: int, rhythm: Rhythm | None = None) -> array[int]:
    """Return the rhythm as signed 16-bit mono samples, without silence around it."""
    spec = rhythm or Rhythm()
    unit = round(rate * spec.unit_ms / 1_000)
    peak = _PEAK * 10 ** (spec.level_db / 20)
    ramp = max(round(rate * spec.ramp_ms / 1_000), 1)
    made = array("h")
    for units, sounding in PATTERN:
        length = units * unit
        if sounding:
            made.extend(_tone(length, ramp, peak, 2 * math.pi * spec.frequency / rate))
        else:
            made.frombytes(bytes(2 * length))
    return made


def _tone(length: int, ramp: int, peak: float, step: float) -> array[int]:
    tone = array("h", bytes(2 * length))
    for at in range(length):
        edge = min(at, length - 1 - at)
        gain = peak if edge >= ramp else peak * (0.5 - 0.5 * math.cos(math.pi * edge / ramp))
        tone[at] = round(gain * math.sin(step * at))
    return tone


def place(sound: Pcm, places: Collection[SoundPlace] = (SoundPlace.START,), rhythm: Rhythm | None = None) -> Pcm:
    """Return the sound with the rhythm inserted, silence around it; what was there stays, bit for bit.

    The middle is the calmest moment of the middle fifth, so that no word is cut where there is a pause.
    """
    spec = rhythm or Rhythm()
    if not places:
        raise RhythmError("No place for the rhythm was named.", next_step="Name start, middle or end.")
    pause = bytes([0x80 if sound.width == 1 else 0]) * (sound.frame_bytes * (sound.rate * spec.pause_ms // 1_000))
    tone = _as_frames(samples(sound.rate, spec), sound)
    middle = _calmest(sound) * sound.frame_bytes if SoundPlace.MIDDLE in places else 0
    parts = [
        tone + pause if SoundPlace.START in places else b"",
        sound.frames[:middle],
        pause + tone + pause if SoundPlace.MIDDLE in places else b"",
        sound.frames[middle:],
        pause + tone if SoundPlace.END in places else b"",
    ]
    return Pcm(b"".join(parts), sound.rate, sound.channels, sound.width)


def _as_frames(made: array[int], like: Pcm) -> bytes:
    """Write 16-bit samples in the width and channels of another sound."""
    out = bytearray()
    for value in made:
        if like.width == 1:
            sample = bytes([(value >> 8) + 128])
        else:
            sample = (value << 8 * (like.width - 2)).to_bytes(like.width, "little", signed=True)
        out += sample * like.channels
    return bytes(out)


def mono(sound: Pcm, start: int = 0, end: int | None = None) -> array[int]:
    """Return the first channel of frames `start` to `end` as signed 16-bit samples; lower bits are dropped."""
    frames = memoryview(sound.frames)[start * sound.frame_bytes : None if end is None else end * sound.frame_bytes]
    if sound.width == 1:
        return array("h", ((value - 128) << 8 for value in frames[:: sound.channels]))
    high = bytearray(len(frames) // sound.frame_bytes * 2)
    high[0::2] = frames[sound.width - 2 :: sound.frame_bytes]
    high[1::2] = frames[sound.width - 1 :: sound.frame_bytes]
    values = array("h", bytes(high))
    if _BIG_ENDIAN:
        values.byteswap()
    return values


_BIG_ENDIAN: Final = array("h", [1]).tobytes() == b"\0\1"


def _calmest(sound: Pcm) -> int:
    """Return the frame in the middle of the calmest 20 ms of the middle fifth (at most ten seconds of it)."""
    reach = min(sound.count // 10, 5 * sound.rate)
    first = sound.count // 2 - reach
    values = mono(sound, first, sound.count // 2 + reach)
    step = max(int(sound.rate * _CALM_SECONDS), 1)
    starts = range(0, len(values) - step + 1, step)
    if not starts:
        return sound.count // 2
    calm = min(starts, key=lambda at: sum(map(abs, values[at : at + step])))
    return first + calm + step // 2
