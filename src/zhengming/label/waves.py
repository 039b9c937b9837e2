"""The sound inside a WAV file, and the file with another sound in it; every other chunk stays as it was.

Only integer PCM: what the rhythm is placed in. Sizes are bounded by the file before they are used.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from zhengming.label.files.base import MAX_PARTS, UnreadableFileError
from zhengming.label.rhythm import Pcm

_PCM: Final = 1
_EXTENSIBLE: Final = 0xFFFE
_HEADER: Final = 8
_FIRST_CHUNK: Final = 12
_LEAST_FORMAT: Final = 16
_SUBFORMAT: Final = slice(24, 26)
_LARGEST: Final = 0xFFFF_FFFF


class WaveSound(NamedTuple):
    """The sound of a WAV file and where its bytes stand, `start` to `end`."""

    sound: Pcm
    start: int
    end: int


def read_wav(data: bytes) -> WaveSound:
    """Return the sound of a WAV file; a last chunk that is cut short is read as far as it goes.

    Raises UnreadableFileError when it is no WAV of integer PCM, RhythmError for rates and widths we do not place in.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _unreadable("is not a WAV file", "Give a RIFF/WAVE file; turn other sound into WAV first.")
    shape: tuple[int, int, int] | None = None
    at = _FIRST_CHUNK
    for _ in range(MAX_PARTS):
        if at + _HEADER > len(data):
            break
        name, size = struct.unpack_from("<4sI", data, at)
        start = at + _HEADER
        end = min(start + size, len(data))
        if name == b"fmt ":
            shape = _shape(data[start:end])
        elif name == b"data":
            return _sound(data, start, end, shape)
        at = start + size + size % 2
    raise _unreadable("has no sound in it", "Check that it plays; it has no data chunk.")


def _shape(body: bytes) -> tuple[int, int, int]:
    """Return rate, channels and bytes a sample."""
    if len(body) < _LEAST_FORMAT:
        raise _unreadable("has a format chunk that is cut short", "Write the file again.")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == _EXTENSIBLE:
        kind = int.from_bytes(body[_SUBFORMAT], "little")
    if kind != _PCM or bits % 8 or not bits:
        raise _unreadable(f"holds samples of kind {kind} with {bits} bits", "Turn it into integer PCM first.")
    return rate, channels, bits // 8


def _sound(data: bytes, start: int, end: int, shape: tuple[int, int, int] | None) -> WaveSound:
    if shape is None:
        raise _unreadable("has sound before its format", "Write the file again.")
    rate, channels, width = shape
    if channels and width:
        end -= (end - start) % (channels * width)
    return WaveSound(Pcm(data[start:end], rate, channels, width), start, end)


def with_sound(data: bytes, old: WaveSound, sound: Pcm) -> bytes:
    """Return the WAV file with another sound of the same shape in place of its own.

    Raises UnreadableFileError where it would pass 4 GiB, ValueError when the shapes differ. Chunks that point into the
    sound (cue, smpl) are left as they are: after a rhythm at the start they point too early.
    """
    if (sound.rate, sound.channels, sound.width) != (old.sound.rate, old.sound.channels, old.sound.width):
        message = "the sound has another shape than the file"
        raise ValueError(message)
    declared = int.from_bytes(data[old.start - 4 : old.start], "little")
    rest = data[min(old.start + declared + declared % 2, len(data)) :]
    body = sound.frames + bytes(len(sound.frames) % 2)
    total = old.start - _HEADER + len(body) + len(rest)
    if total > _LARGEST:
        raise _unreadable("would grow beyond 4 GiB", "Cut the sound, or use another format.")
    size = struct.pack("<I", len(sound.frames))
    return data[:4] + struct.pack("<I", total) + data[8 : old.start - 4] + size + body + rest


def _unreadable(what: str, next_step: str) -> UnreadableFileError:
    return UnreadableFileError(f"The sound {what}.", next_step=next_step)
