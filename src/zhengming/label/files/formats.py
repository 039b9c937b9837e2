"""Every format that is known, in the order in which a file is asked what it is."""

from __future__ import annotations

from typing import Final

from zhengming.core.errors import InvalidInputError
from zhengming.label.files.base import Buffer, FileFormat
from zhengming.label.files.documents import DOCUMENTS
from zhengming.label.files.gif import Gif
from zhengming.label.files.jpeg import Jpeg
from zhengming.label.files.movies import MOVIES
from zhengming.label.files.png import Png
from zhengming.label.files.sounds import SOUNDS
from zhengming.label.files.tiff import Tiff

FORMATS: Final[tuple[FileFormat, ...]] = (Png(), Jpeg(), Gif(), Tiff(), *MOVIES, *DOCUMENTS, *SOUNDS)
HEAD: Final = 4_096


class UnknownFormatError(InvalidInputError):
    """No known format begins like this file."""

    code = "format_unknown"


def recognise(data: Buffer, name: str = "") -> FileFormat:
    """Return the format of a file by its first bytes; where several fit, the one whose extension `name` has.

    Any readable text begins like plain text does, so that a name which promises another format is believed before that.
    Raises UnknownFormatError.
    """
    head = bytes(memoryview(data)[:HEAD])
    lower = name.lower()
    fitting = [one for one in FORMATS if one.recognises(head)]
    named = [one for one in fitting if lower.endswith(one.extensions)]
    sure = [one for one in fitting if not _is_text(one)]
    promised = any(lower.endswith(one.extensions) for one in FORMATS if not _is_text(one))
    found = named or sure or ([] if promised else fitting)
    if not found:
        known = ", ".join(one.name for one in FORMATS)
        raise UnknownFormatError("The file is of no known format.", next_step=f"Formats that can be labelled: {known}.")
    return found[0]


def _is_text(one: FileFormat) -> bool:
    return one.media_types[0].startswith("text/")
