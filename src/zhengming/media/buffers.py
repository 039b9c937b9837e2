"""A file as a buffer for a parser: mapped, never read whole, and closed again."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zhengming.core.errors import InvalidInputError, NotFoundError
from zhengming.label.files.base import Buffer


class NotAFileError(InvalidInputError):
    """What was named is a folder, a device or a socket, or may not be read."""

    code = "not_a_file"


@contextmanager
def opened(path: Path) -> Iterator[Buffer]:
    """Map a file for reading. Raises NotFoundError and NotAFileError."""
    try:
        with path.open("rb") as file:
            if not path.is_file():
                raise NotAFileError(f"{path} is no ordinary file.", next_step="Name a file.")
            if path.stat().st_size == 0:
                yield b""  # nothing can be mapped of an empty file
                return
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {path}.", next_step="Check the path.") from error
    except (IsADirectoryError, PermissionError) as error:
        raise NotAFileError(f"{path} cannot be read: {error.strerror}.", next_step="Name a readable file.") from error
    view = memoryview(mapped)
    try:
        yield view
    finally:
        # A view that a parser has kept holds the map open; it goes when that view goes.
        view.release()
