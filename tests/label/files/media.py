"""What the tests of sound and film share: a file made by PyAV, and what a player would get out of it."""

from __future__ import annotations

import array
import hashlib
import importlib
import io
import math
from fractions import Fraction
from typing import Any

import pytest

from zhengming.label import first_write, propagated, read
from zhengming.label.aigc import AigcFields
from zhengming.label.files.base import FileFormat, UnreadableFileError, joined

av: Any = importlib.import_module("av")

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-" + "1" * 60)


def sound(container: str, codec: str, *, seconds: float = 0.5, rate: int = 48_000, **metadata: str) -> bytes:
    """Return a tone in a container, with the metadata that PyAV writes there."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        out.metadata.update(metadata)
        layout = "stereo" if codec == "vorbis" else "mono"
        stream = out.add_stream(codec, rate=rate, layout=layout, options={"strict": "-2"})
        tone = array.array("h", (int(12_000 * math.sin(at / 12)) for at in range(int(rate * seconds))))
        resampler = av.AudioResampler(
            format=stream.codec_context.format.name,
            layout=layout,
            rate=rate,
            frame_size=None if container == "wav" else {"libopus": 960, "vorbis": 64}.get(codec, 1_024),
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(tone))
        frame.planes[0].update(tone.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for one in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(one))
        out.mux(stream.encode(None))
    return target.getvalue()


def film(container: str, codec: str, *, frames: int = 10, **metadata: str) -> bytes:
    """Return a few frames of film in a container."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        out.metadata.update(metadata)
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame(64, 48, "rgb24")
            frame.planes[0].update(bytes((number * 20,)) * (frame.planes[0].line_size * 48))
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()


def packets(data: bytes) -> str:
    """Return one hash of all packets with their times, in order."""
    digest = hashlib.sha256()
    with av.open(io.BytesIO(data)) as source:
        for packet in source.demux():
            if packet.size:
                digest.update(f"{packet.stream_index} {packet.pts} {packet.dts} {packet.size}".encode())
                digest.update(bytes(packet))
    return digest.hexdigest()


def labelled(form: FileFormat, data: bytes, fields: AigcFields = FIELDS) -> bytes:
    """Label a file and check that the label alone is found, in the official slot, without a fault."""
    made = joined(data, form.write(data, fields))
    found = form.scan(made)
    assert [(site.slot, site.official, read(site.raw).fields) for site in found.sites] == [(form.slot, True, fields)]
    assert found.faults == form.scan(data).faults or found.faults == ()
    return made


def survives(form: FileFormat, data: bytes) -> None:
    """Scanning answers whatever the bytes; writing does too, or says that it cannot."""
    form.scan(data)
    try:
        made = joined(data, form.write(data, FIELDS))
    except UnreadableFileError:
        return
    assert FIELDS in [read(site.raw).fields for site in form.scan(made).sites]


def check_damage(form: FileFormat, whole: bytes, at: int, byte: int) -> None:
    """Cut the file somewhere and turn a byte of it over (`at` in thousandths of its length)."""
    place = at * (len(whole) - 1) // 1000
    survives(form, whole[:place])
    survives(form, whole[:place] + bytes((whole[place] ^ byte,)) + whole[place + 1 :])


def refuses(form: FileFormat, data: bytes) -> None:
    """A file that is not of the format is refused."""
    with pytest.raises(UnreadableFileError):
        form.write(data, FIELDS)
