"""Label a file: write beside it, read back, compare, and only then put it in place. What did not stick is an error."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zhengming.core.errors import ZhengmingError
from zhengming.label.aigc import AigcFields
from zhengming.label.files.base import Buffer, FileFormat, Site, Splice, spliced
from zhengming.label.files.formats import recognise
from zhengming.label.reading import read
from zhengming.media.buffers import opened


class LabelNotKeptError(ZhengmingError):
    """What was written does not read back as one label with the same fields; the target was not touched."""

    code = "label_not_kept"


class Labelled(NamedTuple):
    """What was written: `slot` is where, `official` whether a guide (`guide`) names that slot for the format."""

    target: Path
    format: str
    slot: str
    official: bool
    guide: str
    fields: AigcFields


def label_file(source: Path, target: Path, fields: AigcFields) -> Labelled:
    """Write `source` with this implicit label to `target`, which may be the same file; no stream is re-encoded.

    Raises NotFoundError, NotAFileError, UnknownFormatError, UnreadableFileError, LabelFieldError, LabelNotKeptError.
    """
    with opened(source) as data:
        found = recognise(data, source.name)
        draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
        try:
            _write(draft, data, found.write(data, fields))
            site = _read_back(draft, found, fields)
            draft.chmod(source.stat().st_mode & 0o777)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    return Labelled(target, found.name, site.slot, site.official, found.guide, fields)


def _write(draft: Path, data: Buffer, splices: Sequence[Splice]) -> None:
    with draft.open("xb") as file:
        for piece in spliced(data, splices):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _read_back(draft: Path, found: FileFormat, fields: AigcFields) -> Site:
    with opened(draft) as written:
        scan = found.scan(written)
    if len(scan.sites) == 1 and read(scan.sites[0].raw).fields == fields:
        return scan.sites[0]
    problem = "it cannot be found again" if not scan.sites else "what stands there differs, or stands there twice"
    raise LabelNotKeptError(
        f"The label did not stick in this {found.name} file: {problem}.",
        next_step="Nothing was written. Send the file to the maintainers: this format should keep it.",
    )
