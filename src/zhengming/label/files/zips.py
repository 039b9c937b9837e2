"""ZIP archives as documents use them: parts read within bounds, changed parts written as splices.

Every entry that does not change keeps its bytes, its place in the order and its time; only the records of changed and
new parts and the central directory are written. A new part gets the time of the first entry, for nothing here reads a
clock.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from zhengming.label.files.base import Buffer, Splice, UnreadableFileError

MAX_ENTRIES: Final = 65_000
MAX_PART: Final = 16_000_000
"""How large a part that is looked at may be when inflated."""

_END: Final = struct.Struct("<4s4H2LH")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_TAIL: Final = 65_535 + _END.size
_ENCRYPTED: Final = 0x1
_DESCRIBED: Final = 0x8
_UTF8: Final = 0x800
_STORED: Final = 0
_DEFLATED: Final = 8
_WIDE: Final = 0xFFFFFFFF


class Entry(NamedTuple):
    """One entry: its central record, and where its local record, its data and the whole of it end."""

    name: str
    central: tuple[int, ...]
    tail: bytes
    start: int
    data: int
    end: int
    whole: int

    @property
    def flags(self) -> int:
        """The general purpose flags."""
        return self.central[2]

    @property
    def method(self) -> int:
        """The compression method."""
        return self.central[3]


def refused(problem: str) -> UnreadableFileError:
    """Return the error for an archive that cannot be used."""
    return UnreadableFileError(
        f"The archive {problem}.", next_step="Open the document in its program and save it again."
    )


class Archive:
    """An archive whose directory has been read and checked. Raises UnreadableFileError for any other."""

    def __init__(self, data: Buffer) -> None:
        self._view = memoryview(data)
        self._directory, count, size, self._comment = self._ended()
        if self._directory + size > len(self._view) - _END.size:
            raise refused("has a directory that does not fit")
        self.entries = self._listed(bytes(self._view[self._directory : self._directory + size]), count)
        names = [entry.name.casefold() for entry in self.entries]
        if len(set(names)) < len(names):
            raise refused("holds two entries of one name")

    def _ended(self) -> tuple[int, int, int, bytes]:
        tail = bytes(self._view[-_TAIL:])
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or at + _END.size > len(tail):
            raise refused("has no end record, so it is cut off or no archive")
        _, disk, first, here, count, size, offset, comment = _END.unpack_from(tail, at)
        if at + _END.size + comment != len(tail):
            raise refused("does not end where its end record says")
        if disk or first or here != count:
            raise refused("spans several disks")
        if count == 0xFFFF or _WIDE in {size, offset}:  # noqa: PLR2004 - the mark of ZIP64
            raise refused("is in the ZIP64 form, which documents do not need")
        end = len(self._view) - len(tail) + at
        if count > MAX_ENTRIES or offset + size != end:
            raise refused("has a directory that does not fit")
        return offset, count, size, tail[at + _END.size :]

    def _listed(self, directory: bytes, count: int) -> tuple[Entry, ...]:
        at = 0
        raw: list[tuple[tuple[int, ...], bytes]] = []
        for _ in range(count):
            if at + _CENTRAL.size > len(directory):
                raise refused("has a directory that does not fit")
            record = _CENTRAL.unpack_from(directory, at)
            length = sum(record[10:13])
            if record[0] != b"PK\x01\x02" or at + _CENTRAL.size + length > len(directory):
                raise refused("has a damaged directory")
            raw.append((record[1:], directory[at + _CENTRAL.size : at + _CENTRAL.size + length]))
            at += _CENTRAL.size + length
        if at != len(directory):
            raise refused("has a directory that does not fit")
        starts = sorted(record[-1] for record, _ in raw)
        follows = dict(zip(starts, [*starts[1:], self._directory], strict=True))
        return tuple(self._entry(record, tail, follows[record[-1]]) for record, tail in raw)

    def _entry(self, central: tuple[int, ...], tail: bytes, follow: int) -> Entry:
        raw, start = tail[: central[9]], central[-1]
        name = raw.decode("utf-8" if central[2] & _UTF8 else "cp437", "replace")
        if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
            raise refused(f"holds an entry with an unsafe name: {name[:80]!r}")
        if start + _LOCAL.size > follow:
            raise refused(f"has no room for its entry {name[:80]!r}")
        local = _LOCAL.unpack_from(self._view, start)
        data = start + _LOCAL.size + local[9] + local[10]
        end = data + central[7]
        if local[0] != b"PK\x03\x04" or bytes(self._view[start + _LOCAL.size :][: local[9]]) != raw or end > follow:
            raise refused(f"disagrees with itself about its entry {name[:80]!r}")
        whole = end
        if central[2] & _DESCRIBED:
            whole += 16 if bytes(self._view[end : end + 4]) == b"PK\x07\x08" else 12
        return Entry(name, central, tail, start, data, end, min(whole, follow))

    def find(self, name: str) -> Entry | None:
        """Return the entry of a part; the names of parts do not heed case."""
        return next((entry for entry in self.entries if entry.name.casefold() == name.casefold()), None)

    def read(self, name: str) -> bytes:
        """Return a part, inflated and checked. Raises UnreadableFileError, also beyond :data:`MAX_PART`."""
        entry = self.find(name)
        if entry is None:
            raise refused(f"has no part {name!r}")
        if entry.flags & _ENCRYPTED:
            raise refused(f"keeps its part {name!r} encrypted")
        size, packed = entry.central[8], self._view[entry.data : entry.end]
        if max(size, len(packed)) > MAX_PART:
            raise refused(f"has a part {name!r} of more than {MAX_PART} bytes")
        part = _inflated(packed, size, name) if entry.method == _DEFLATED else bytes(packed)
        if entry.method not in {_STORED, _DEFLATED} or len(part) != size or zlib.crc32(part) != entry.central[6]:
            raise refused(f"has a damaged part {name!r}")
        return part

    def rewritten(self, parts: Mapping[str, bytes]) -> list[Splice]:
        """Return the splices that give parts this content; a part that is not there yet comes last."""
        changed = {(entry.name if (entry := self.find(name)) else name): body for name, body in parts.items()}
        splices: list[Splice] = []
        directory: list[bytes] = []
        moved: dict[int, int] = {}
        shift = 0
        for entry in sorted(self.entries, key=lambda one: one.start):
            moved[entry.start] = entry.start + shift
            if entry.name in changed:
                local = self._local(entry, changed[entry.name])
                splices.append(Splice(entry.start, entry.whole, local))
                shift += len(local) - (entry.whole - entry.start)
        for entry in self.entries:
            central = (*entry.central[:-1], moved[entry.start])
            if entry.name in changed:
                central = _described(central, _packed(entry.method, changed.pop(entry.name)))
            directory.append(_CENTRAL.pack(b"PK\x01\x02", *central) + entry.tail)
        at = self._directory + shift
        added: list[bytes] = []
        for name, body in changed.items():
            local, central_record = self._new(name, body, at + sum(map(len, added)))
            added.append(local)
            directory.append(central_record)
        listed = b"".join(directory)
        at += sum(map(len, added))
        if at + len(listed) >= _WIDE:
            raise refused("would grow beyond what the form of its directory can hold")
        count = len(directory)
        end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(listed), at, len(self._comment)) + self._comment
        return [*splices, Splice(self._directory, len(self._view), b"".join([*added, listed, end]))]

    def _local(self, entry: Entry, body: bytes) -> bytes:
        local = list(_LOCAL.unpack_from(self._view, entry.start))
        crc, size, packed = _packed(entry.method, body)
        local[2] &= ~_DESCRIBED
        local[6:9] = crc, len(packed), size
        names = bytes(self._view[entry.start + _LOCAL.size : entry.data])
        return _LOCAL.pack(*local) + names + packed

    def _new(self, name: str, body: bytes, offset: int) -> tuple[bytes, bytes]:
        like = self.entries[0].central
        crc, size, packed = _packed(_DEFLATED, body)
        raw = name.encode("ascii")
        shared = (20, 0, _DEFLATED, like[4], like[5], crc, len(packed), size, len(raw), 0)
        local = _LOCAL.pack(b"PK\x03\x04", *shared) + raw + packed
        return local, _CENTRAL.pack(b"PK\x01\x02", 20, *shared, 0, 0, 0, 0, offset) + raw


def _inflated(packed: memoryview, size: int, name: str) -> bytes:
    worker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return worker.decompress(packed, size + 1)
    except zlib.error:
        raise refused(f"has a damaged part {name!r}") from None


def _packed(method: int, body: bytes) -> tuple[int, int, bytes]:
    """Return checksum, size and the bytes as the method keeps them."""
    if method == _STORED:
        return zlib.crc32(body), len(body), body
    worker = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return zlib.crc32(body), len(body), worker.compress(body) + worker.flush()


def _described(central: tuple[int, ...], packed: tuple[int, int, bytes]) -> tuple[int, ...]:
    crc, size, data = packed
    return (*central[:2], central[2] & ~_DESCRIBED, *central[3:6], crc, len(data), size, *central[9:])
