"""The rhythm in sounds: measured on samples, found again after what happens to sounds, not found where it is not."""

from __future__ import annotations

import io
import math
import random
import time
import wave
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label.files.base import UnreadableFileError
from zhengming.label.rhythm import Pcm, Rhythm, RhythmError, SoundPlace, mono, place, samples
from zhengming.label.rhythm_finding import find
from zhengming.label.waves import read_wav, with_sound

RATE = 16_000


def pcm(values: list[float] | array[int], rate: int = RATE) -> Pcm:
    return Pcm(array("h", (max(-32_768, min(32_767, round(v))) for v in values)).tobytes(), rate, 1, 2)


def noise(seconds: float, level: float, seed: int = 1, rate: int = RATE) -> list[float]:
    draw = random.Random(seed)  # noqa: S311 - repeatable
    return [draw.gauss(0, level) for _ in range(int(seconds * rate))]


def speech_like(seconds: float, seed: int, rate: int = RATE) -> list[float]:
    """Voiced syllables: a gliding pitch of 100 to 260 Hz with harmonics under formants, and pauses."""
    draw = random.Random(seed)  # noqa: S311 - repeatable
    out: list[float] = []
    while len(out) < seconds * rate:
        pitch, length = draw.uniform(100, 260), draw.uniform(0.08, 0.3)
        glide, formant = draw.uniform(-0.3, 0.3), draw.uniform(500, 1_100)
        count = int(length * rate)
        weights = [(h, math.exp(-(((h * pitch - formant) / 350) ** 2)) + 0.15) for h in range(1, 12)]
        for at in range(count):
            phase = 2 * math.pi * pitch * (at / rate) * (1 + glide * at / count)
            out.append(4_000 * math.sin(math.pi * at / count) * sum(w * math.sin(h * phase) for h, w in weights))
        out += [draw.gauss(0, 20) for _ in range(int(draw.uniform(0.02, 0.25) * rate))]
    return out


def music_like(seconds: float, seed: int, rate: int = RATE) -> list[float]:
    """Melody with a bass in a steady beat, the scale crossing 784 and 831 Hz, notes that die away."""
    draw = random.Random(seed)  # noqa: S311 - repeatable
    out: list[float] = []
    beat = draw.choice([0.12, 0.18, 0.24, 0.36])
    while len(out) < seconds * rate:
        note, bass = draw.choice([523.3, 587.3, 659.3, 698.5, 784, 800, 831, 880]), draw.choice([98, 131, 196])
        count = int(beat * draw.choice([1, 1, 2, 3]) * rate)
        loud = draw.choice([0, 1, 1, 1])
        for at in range(count):
            t = at / rate
            fade = loud * math.exp(-3 * t)
            out.append(5_000 * fade * (math.sin(2 * math.pi * note * t) + 0.4 * math.sin(4 * math.pi * note * t))
                       + 2_500 * math.sin(2 * math.pi * bass * t))  # fmt: skip
    return out


def test_the_rhythm_is_short_long_short_short_with_a_pause_between_the_letters() -> None:
    made = samples(RATE)
    active = [max(abs(value) for value in made[at : at + 160]) > 400 for at in range(0, len(made), 160)]
    changes = [at for at, (one, next_one) in enumerate(pairwise([False, *active, False])) if one != next_one]
    spans = [round((end - start) * 10, -1) for start, end in pairwise(changes)]

    assert spans == [120, 120, 360, 360, 120, 120, 120]
    assert len(made) == RATE * 1_320 // 1_000
    assert max(made) == pytest.approx(32_767 * 10 ** (-12 / 20), rel=0.01)


def test_tones_rise_and_fall_without_a_click() -> None:
    made = samples(48_000)
    steepest = max(abs(after - before) for before, after in pairwise(made))

    assert made[0] == 0
    assert steepest <= max(made) * 2 * math.pi * 800 / 48_000 * 1.02


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_shape_of_sound_takes_the_rhythm_and_keeps_its_own_samples(rate: int, channels: int, width: int) -> None:
    own = random.Random(3).randbytes(rate // 2 * channels * width)  # noqa: S311 - repeatable
    if width == 1:
        own = bytes(128 + byte % 8 for byte in own)
    placed = place(Pcm(own, rate, channels, width), [SoundPlace.START])

    assert placed.frames.endswith(own)
    found = find(placed)
    assert [round(one.start, 1) for one in found] == [0.0]
    assert found[0].length == 1.32


@pytest.mark.parametrize("where", [[p] for p in SoundPlace] + [list(SoundPlace)])
def test_the_rhythm_is_found_where_it_was_placed(where: list[SoundPlace]) -> None:
    sound = pcm(speech_like(6, 5))
    placed = place(sound, where)
    starts = {SoundPlace.START: 0.0, SoundPlace.END: placed.count / RATE - 1.32}
    found = find(placed)

    assert len(found) == len(where)
    for name in set(where) - {SoundPlace.MIDDLE}:
        assert any(abs(one.start - starts[name]) < 0.05 for one in found)
    if where == [SoundPlace.MIDDLE]:
        assert 2 < found[0].start < 5
    assert all(one.confidence > 0.95 for one in found)


@pytest.mark.parametrize("level", [-30.0, -12.0, 0.0])
@pytest.mark.parametrize("unit", [60, 95, 120, 150, 240])
def test_other_levels_and_speeds_are_found(level: float, unit: int) -> None:
    placed = place(pcm(noise(1, 30)), [SoundPlace.END], Rhythm(level_db=level, unit_ms=unit))
    (found,) = find(placed)

    assert found.length == pytest.approx(11 * unit / 1_000, rel=0.09)


@pytest.mark.parametrize("ratio", [0.5, 0.9797, 1.021, 2.756])
def test_resampling_and_a_slight_change_of_speed_leave_it_findable(ratio: float) -> None:
    """Linear interpolation to another rate; the two middle ratios are played at the old rate: 2 % slower and faster."""
    made = mono(place(pcm(speech_like(2, 9)), [SoundPlace.START]))
    count = int(len(made) * ratio) - 2
    resampled = []
    for at in range(count):
        x = at / ratio
        left = int(x)
        resampled.append(made[left] + (made[min(left + 1, len(made) - 1)] - made[left]) * (x - left))
    rate = round(RATE * ratio) if ratio in (0.5, 2.756) else RATE

    assert len(find(pcm(resampled, rate))) == 1


@pytest.mark.parametrize("seed", range(10))
def test_noise_as_loud_as_six_decibels_below_the_tone_does_not_hide_it(seed: int) -> None:
    """White noise over the whole band, its power a quarter of the tone's."""
    made = [0.0] * 8_000 + list(samples(RATE)) + [0.0] * 8_000
    tone = 32_767 * 10 ** (-12 / 20) / math.sqrt(2)
    loud = noise(len(made) / RATE + 1, tone / 2, seed)

    found = find(pcm([value + loud[at] for at, value in enumerate(made)]))
    assert [round(one.start, 1) for one in found] == [0.5]


def test_nothing_is_found_in_noise_speech_and_music() -> None:
    """Eight minutes in all; the melody plays the tone itself."""
    false = 0
    for seed in range(4):
        for sound in (noise(40, 3_000, seed, 8_000), speech_like(40, seed, 8_000), music_like(40, seed, 8_000)):
            false += len(find(pcm(sound, 8_000)))

    assert false == 0


@pytest.mark.parametrize("letters", ["- .-", ".. .-", "... ...", "-- .."])
def test_other_morse_is_not_the_rhythm(letters: str) -> None:
    unit, out = RATE * 120 // 1_000, [0.0] * RATE
    for sign in letters:
        length = {".": 1, "-": 3, " ": 0}[sign] * unit
        out += [8_000 * math.sin(2 * math.pi * 800 * at / RATE) for at in range(length)]
        out += [0.0] * (2 * unit if sign == " " else unit)

    assert find(pcm(out + [0.0] * RATE)) == []


def test_a_long_sound_is_searched_in_bounded_time_and_at_its_ends() -> None:
    quiet = Pcm(bytes(2 * 8_000 * 3_600), 8_000, 1, 2)
    placed = place(quiet, [SoundPlace.START, SoundPlace.END])
    began = time.process_time()

    assert len(find(placed)) == 2
    assert time.process_time() - began < 30


@pytest.mark.parametrize("wrong", [{"frequency": 20}, {"unit_ms": 5}, {"level_db": 3.0}, {"ramp_ms": 100}])
def test_a_rhythm_that_cannot_be_heard_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(RhythmError):
        Rhythm(**wrong)


@pytest.mark.parametrize("shape", [(4_000, 1, 2), (96_000, 1, 2), (8_000, 3, 2), (8_000, 1, 5), (8_000, 0, 2)])
def test_a_sound_of_another_shape_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(RhythmError):
        Pcm(b"", *shape)


def wav(sound: Pcm) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(sound.channels)
        writer.setsampwidth(sound.width)
        writer.setframerate(sound.rate)
        writer.writeframes(sound.frames)
    return out.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_wav_takes_another_sound_and_keeps_its_other_chunks(width: int) -> None:
    sound = Pcm(bytes(width * 999), 22_050, 1, width)
    plain = wav(sound)
    listed = plain + bytes(len(plain) % 2) + b"LIST\x04\0\0\0INFO"
    data = listed[:4] + (len(listed) - 8).to_bytes(4, "little") + listed[8:]
    placed = place(sound, [SoundPlace.END])
    labelled = with_sound(data, read_wav(data), placed)

    assert read_wav(labelled).sound == placed
    assert labelled.endswith(b"LIST\x04\0\0\0INFO")
    with wave.open(io.BytesIO(labelled)) as reader:
        assert reader.readframes(reader.getnframes()) == placed.frames
    assert int.from_bytes(labelled[4:8], "little") == len(labelled) - 8


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, 100), at=st.integers(0, 60), to=st.integers(0, 255))
def test_a_damaged_wav_ends_in_an_answer_or_a_clear_error(cut: int, at: int, to: int) -> None:
    data = bytearray(wav(Pcm(bytes(64), 8_000, 2, 2))[:cut])
    if at < len(data):
        data[at] = to
    try:
        read_wav(bytes(data))
    except (UnreadableFileError, RhythmError):
        return
