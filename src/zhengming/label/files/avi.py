"""AVI: the label is a sub-chunk `AIGC` of `LIST`/`INFO` (TC260-PG-20257A), its data the JSON.

Nothing that an index points at may move: OpenDML counts from the start of the file, and some old indexes do too. So the
label goes behind everything that is indexed, or into filling (`JUNK`) that stands before it; a label that stood before
it is overwritten with filling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import riff
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
from zhengming.label.files.riff import Outer, Piece

_FILLING: Final = b"JUNK"
_MAX_RIFFS: Final = 4_096
"""OpenDML begins another RIFF chunk about every gigabyte."""


class _Film(NamedTuple):
    """The RIFF chunks of a file with the chunks directly in them, and where the first film data begins."""

    around: list[tuple[Outer, list[Piece]]]
    film: int

    @property
    def first(self) -> tuple[Outer, list[Piece]]:
        return self.around[0]


class Avi:
    """The format AVI, OpenDML included."""

    name = "avi"
    media_types = ("video/x-msvideo", "video/avi", "video/vnd.avi")
    extensions = (".avi",)
    slot = "avi.info.AIGC"
    guide = "TC260-PG-20257A"

    def recognises(self, head: bytes) -> bool:
        """Whether the file says that it is RIFF of the form AVI."""
        return riff.is_riff(head, b"AVI ")

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        faults: list[FileFault | None] = []
        film = False
        try:
            for around in _outers(view):
                last = around.start + 12
                for piece in riff.pieces(view, last, around.stop):
                    film |= riff.is_list(view, piece, b"movi")
                    last = piece.end
                    if not piece.whole:
                        faults.append(FileFault.TRUNCATED)
                    if len(sites) < MAX_SITES:
                        sites += _sites(view, piece)
                fault = riff.walk_fault(around, last, last)
                faults.append(fault)
            faults.append(_behind(view))
        except UnreadableFileError:
            faults.append(FileFault.MALFORMED)
        return Scan(tuple(sites), faults_of(*faults, None if film else FileFault.TRUNCATED, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the sub-chunk into a list behind the film, or in the place of filling before it."""
        view = memoryview(data)
        film = _film(view)
        if len(film.around) > 1:
            return _into_filling(view, film, fields.to_json())
        return _behind_film(view, film, fields.to_json())


def _outers(view: memoryview) -> Iterator[Outer]:
    """Walk over the RIFF chunks: the first of the form `AVI `, and those of OpenDML. Raises UnreadableFileError."""
    around = riff.outer(view, b"AVI ")
    for _ in range(_MAX_RIFFS):
        yield around
        at = around.stop + around.stop % 2 * (bytes(view[around.stop : around.stop + 4]) != b"RIFF")
        if not riff.is_riff(bytes(view[at : at + 12]), b"AVIX"):
            return
        around = riff.outer(view, b"AVIX", at)


def _behind(view: memoryview) -> FileFault | None:
    *_, last = _outers(view)
    return FileFault.TRAILING_DATA if last.stop + last.stop % 2 < len(view) else None


def _film(view: memoryview) -> _Film:
    """Read the whole file's chunks. Raises UnreadableFileError when it is cut, or holds no film."""
    around = [(one, list(riff.pieces(view, one.start + 12, one.stop))) for one in _outers(view)]
    film = next((piece.start for _, parts in around for piece in parts if riff.is_list(view, piece, b"movi")), -1)
    if film < 0 or not all(one.whole and all(piece.whole for piece in parts) for one, parts in around):
        raise UnreadableFileError("The AVI has no film, or ends in the middle.", next_step="Send the whole file.")
    return _Film(around, film)


def _behind_film(view: memoryview, film: _Film, value: bytes) -> list[Splice]:
    """Put the label into a list of its own at the end, or into the one that stands behind the film."""
    around, parts = film.first
    splices = _in_headers(view, parts)
    for piece in parts:
        if not riff.is_list(view, piece, b"INFO"):
            continue
        if piece.start < film.film:
            splices += _overwritten(view, piece)
        elif (cut := riff.info_without(view, piece)) is not None:
            splices.append(cut)
    last = parts[-1]
    odd = last.end == last.stop and (last.stop - last.body) % 2 == 1 and not any(one.end == last.end for one in splices)
    made = riff.chunk(b"LIST", b"INFO" + riff.chunk(riff.LABEL, value))
    splices.append(Splice(last.end, last.end, b"\0" * odd + made))
    return [*splices, *riff.sized(view, around, last.end, splices)]


def _into_filling(view: memoryview, film: _Film, value: bytes) -> list[Splice]:
    """Put the label where filling was, in the first RIFF chunk; every byte of the film keeps its place."""
    made = riff.chunk(b"LIST", b"INFO" + riff.chunk(riff.LABEL, value))
    splices = _in_headers(view, film.first[1])
    rooms: list[tuple[int, int]] = []
    for _, parts in film.around:
        for piece in parts:
            if riff.is_list(view, piece, b"INFO"):
                if all(one.kind == riff.LABEL for one in riff.inner(view, piece)):
                    rooms.append((piece.start, piece.end))
                    splices.append(Splice(piece.start, piece.end, _filling(piece.end - piece.start)))
                else:
                    splices += _overwritten(view, piece)
            elif piece.kind == _FILLING:
                rooms.append((piece.start, piece.end))
    for start, end in _runs(rooms, film.first[0].stop):
        rest = end - start - len(made)
        if rest == 0 or rest >= 8:  # noqa: PLR2004 - what a chunk needs at least
            kept = [one for one in splices if not start <= one.start < end]
            return [*kept, Splice(start, end, made + (_filling(rest) if rest else b""))]
    raise UnreadableFileError(
        f"The AVI is in several parts and has no filling of {len(made)} bytes before its film to hold the label.",
        next_step="Write it anew with another program (for example: ffmpeg -c copy), or label it as MP4 or MKV.",
    )


def _runs(rooms: list[tuple[int, int]], stop: int) -> list[tuple[int, int]]:
    """Join filling that stands side by side, as far as the first RIFF chunk goes."""
    runs: list[tuple[int, int]] = []
    for start, end in sorted(room for room in rooms if room[1] <= stop):
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _in_headers(view: memoryview, parts: list[Piece]) -> list[Splice]:
    """Return what overwrites labels in a list within the headers, where some writers put it."""
    headers = [piece for piece in parts if riff.is_list(view, piece, b"hdrl")]
    lists = [one for piece in headers for one in riff.inner(view, piece) if riff.is_list(view, one, b"INFO")]
    return [splice for one in lists for splice in _overwritten(view, one)]


def _overwritten(view: memoryview, piece: Piece) -> list[Splice]:
    """Return what makes filling of the labels in an `INFO` list, byte for byte as long. Raises UnreadableFileError."""
    found = [one for one in riff.inner(view, piece) if one.kind == riff.LABEL]
    return [Splice(one.start, one.end, _filling(one.end - one.start)) for one in found]


def _filling(size: int) -> bytes:
    """Return a chunk of zeros that is `size` bytes long in all; an odd size is one whose padding was left out."""
    return _FILLING + (size - 8).to_bytes(4, "little") + bytes(size - 8)


def _sites(view: memoryview, piece: Piece) -> list[Site]:
    if riff.is_list(view, piece, b"INFO"):
        return riff.info_sites(view, piece, Avi.slot, official=True)
    if not riff.is_list(view, piece, b"hdrl"):
        return []
    lists = (one for one in riff.inner(view, piece) if riff.is_list(view, one, b"INFO"))
    return [site for one in lists for site in riff.info_sites(view, one, "avi.hdrl.info.AIGC", official=False)]
