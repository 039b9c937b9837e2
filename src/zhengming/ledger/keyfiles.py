"""Key files in the data folder: made once, readable by their owner only, never written twice."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from zhengming.ledger.errors import KeyFileError

LENGTH: Final = 32


def load_or_create(path: Path, variable: str) -> bytes:
    """Return the 32 secret bytes from the environment variable, else from the file, which is made when missing (0600).

    Both hold standard base64. Several replicas share a key through the variable or a copy of the file. Raises
    KeyFileError when the file is readable by others or what is found is no key.
    """
    given = os.environ.get(variable)
    if given:
        return _decode(given, variable)
    if not path.exists():
        _create(path)
    return load(path)


def load(path: Path) -> bytes:
    """Return the 32 secret bytes of an existing key file; raises KeyFileError."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(
            f"The key file {path} cannot be read: {error}.", next_step="Restore it from its copy."
        ) from error
    if mode & 0o077:
        raise KeyFileError(
            f"The key file {path} is open to others (mode {mode:04o}).", next_step=f"Run: chmod 600 {path}"
        )
    return _decode(text, str(path))


def _create(path: Path) -> None:
    """Write a new key under another name first: of two processes that start at once, one wins, none reads half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(LENGTH)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process was first; its key counts
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink()


def _decode(text: str, place: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise KeyFileError(f"{place} holds no base64.", next_step="It must be 32 bytes in standard base64.") from error
    if len(key) != LENGTH:
        raise KeyFileError(f"{place} holds {len(key)} bytes instead of {LENGTH}.", next_step="Restore the right key.")
    return key
