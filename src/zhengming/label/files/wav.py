"""WAV, RF64 and BW64: the label is a chunk `AIGC` of the file itself (TC260-PG-202510A, 6.1), its data the JSON.

Also met: a sub-chunk `AIGC` of `LIST`/`INFO`, and a user text frame `AIGC` in an `id3 ` chunk.
"""

from __future__ import annotations

from typing import NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import id3, riff
from zhengming.label.files.base import (
    MAX_SITES,
    Buffer,
    FileFault,
    Scan,
    Site,
    Splice,
    UnreadableFileError,
    faults_of,
)


class _Plan(NamedTuple):
    """Where the new chunk goes, and what goes out."""

    place: int
    padding: bytes
    cuts: list[Splice]


class Wav:
    """The format WAV, and its long forms."""

    name = "wav"
    media_types = ("audio/wav", "audio/x-wav", "audio/vnd.wave")
    extensions = (".wav", ".wave", ".bwf", ".rf64")
    slot = "wav.riff.AIGC"
    guide = "TC260-PG-202510A"

    def recognises(self, head: bytes) -> bool:
        """Whether the file says that it is RIFF of the form WAVE."""
        return riff.is_riff(head, b"WAVE")

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        fault: FileFault | None = None
        sound = False
        try:
            around = riff.outer(view, b"WAVE")
            last = 12
            for piece in riff.pieces(view, 12, around.stop):
                endless = piece.kind == b"data" and piece.size == riff.UNKNOWN
                sound |= piece.kind == b"data"
                if not piece.whole and not endless:
                    fault = FileFault.TRUNCATED
                elif len(sites) < MAX_SITES:
                    sites += _sites(view, piece)
                last = piece.end
            fault = fault or riff.walk_fault(around, last, len(view))
        except UnreadableFileError:
            fault = FileFault.MALFORMED
        return Scan(tuple(sites), faults_of(fault, None if sound else FileFault.TRUNCATED, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the chunk behind all others, or before the sound where the sound has no known end."""
        view = memoryview(data)
        around = riff.outer(view, b"WAVE")
        if not around.whole:
            raise UnreadableFileError("The WAV ends before its RIFF chunk does.", next_step="Send the whole file.")
        plan = _plan(view, around)
        label = Splice(plan.place, plan.place, plan.padding + riff.chunk(riff.LABEL, fields.to_json()))
        splices = [*plan.cuts, label]
        last = max([plan.place, *(piece.end for piece in riff.pieces(view, 12, around.stop))])
        return [*splices, *riff.sized(view, around, last, splices)]


def _plan(view: memoryview, around: riff.Outer) -> _Plan:
    cuts: list[Splice] = []
    last: riff.Piece | None = None
    sound: riff.Piece | None = None
    for piece in riff.pieces(view, 12, around.stop):
        endless = piece.kind == b"data" and piece.size == riff.UNKNOWN and not piece.whole
        if not piece.whole and not endless:
            raise UnreadableFileError(
                f"The WAV ends in the chunk that begins at byte {piece.start}.", next_step="Send the whole file."
            )
        cut = _cut(view, piece)
        if cut is not None:
            cuts.append(cut)
        if piece.kind == b"data":
            sound = piece
        last = piece
    if sound is None or last is None:
        raise UnreadableFileError("The WAV has no sound (no data chunk).", next_step="Send a WAV with sound.")
    if not sound.whole:
        return _Plan(sound.start, b"", cuts)
    missing = (
        last.end == last.stop and (last.stop - last.body) % 2 == 1 and not any(cut.end == last.end for cut in cuts)
    )
    return _Plan(last.end, b"\0" if missing else b"", cuts)


def _sites(view: memoryview, piece: riff.Piece) -> list[Site]:
    if piece.kind == riff.LABEL:
        return [Site(Wav.slot, riff.text(view, piece), piece.start, piece.end, official=True)]
    if riff.is_list(view, piece, b"INFO"):
        return riff.info_sites(view, piece, "wav.info.AIGC", official=False)
    tag = _tag(view, piece)
    return id3.sites(tag, "wav.id3.txxx", official=False) if tag else []


def _cut(view: memoryview, piece: riff.Piece) -> Splice | None:
    """Return the splice that takes the labels out of a chunk; None where there is none."""
    if piece.kind == riff.LABEL:
        return Splice(piece.start, piece.end, b"")
    if riff.is_list(view, piece, b"INFO"):
        return riff.info_without(view, piece)
    tag = _tag(view, piece)
    if tag is None or not id3.sites(tag, "", official=False):
        return None
    rest = bytes(view[piece.body + tag.end - tag.start : piece.stop])
    return Splice(piece.start, piece.end, riff.chunk(piece.kind, id3.rebuilt(tag, None) + rest))


def _tag(view: memoryview, piece: riff.Piece) -> id3.Tag | None:
    return id3.tag_at(view[piece.body : piece.stop]) if piece.kind in {b"id3 ", b"ID3 "} else None
