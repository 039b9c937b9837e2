"""Which installed font draws the label: looked for where fontconfig looks, without fontconfig.

The drawing itself takes a loaded font as a value; this module is where a path becomes one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import ImageFont

from zhengming.core.errors import UnavailableError

# Families that have the characters of the label, best first; a collection (.ttc) holds its regions as faces.
_FAMILIES: Final = (
    "NotoSansCJK-Bold", "NotoSansCJK-Regular", "NotoSansSC", "NotoSansCJKsc", "SourceHanSans", "wqy-zenhei",
    "wqy-microhei", "DroidSansFallback", "PingFang", "msyh", "simhei", "NotoSerifCJK-Bold",
)  # fmt: skip
_LATIN: Final = ("DejaVuSans-Bold", "DejaVuSans", "LiberationSans-Bold")
_ENDINGS: Final = frozenset({".ttf", ".otf", ".ttc"})
_MOST_FILES: Final = 20_000
_MOST_FACES: Final = 16
_LOADED_AT: Final = 100
_SIMPLIFIED: Final = ("SC", "CN")


class FontMissingError(UnavailableError):
    """No font on this machine can draw the label."""

    code = "font_missing"


def font_folders() -> tuple[Path, ...]:
    """Return where fontconfig looks for fonts on Linux, and where macOS and Windows keep them."""
    home = Path.home()
    data_home = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    shared = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return (
        data_home / "fonts",
        home / ".fonts",
        *(Path(folder) / "fonts" for folder in shared if folder),
        Path("/Library/Fonts"),
        Path("/System/Library/Fonts"),
        Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",
    )


def load_font(path: Path | None = None, *, chinese: bool = True) -> ImageFont.FreeTypeFont:
    """Return the font that draws labels: the one at `path`, else the best that is installed.

    With `chinese=False` a Latin font serves as well. Raises FontMissingError that names the package to install. The
    answer is remembered: a font installed later is found after a restart.
    """
    return _load_at(path) if path is not None else _find(font_folders(), chinese=chinese)


@lru_cache(maxsize=8)
def _find(folders: Sequence[Path], *, chinese: bool) -> ImageFont.FreeTypeFont:
    wanted = _FAMILIES if chinese else (*_FAMILIES, *_LATIN)
    found: dict[str, Path] = {}
    for path in _font_files(folders):
        family = next((name for name in wanted if path.stem.startswith(name)), None)
        if family is not None:
            found.setdefault(family, path)
    for family in wanted:
        if family in found:
            return _load_at(found[family])
    raise FontMissingError(
        "No installed font has the Chinese characters of the label." if chinese else "No font is installed.",
        next_step="Install fonts-noto-cjk (Debian, Ubuntu) or google-noto-sans-cjk-fonts (Fedora), or name a file.",
    )


def _font_files(folders: Sequence[Path]) -> Iterator[Path]:
    seen = 0
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in sorted(names):
                seen += 1
                if seen > _MOST_FILES:
                    return
                if Path(name).suffix.lower() in _ENDINGS:
                    yield Path(parent, name)


@lru_cache(maxsize=8)
def _load_at(path: Path) -> ImageFont.FreeTypeFont:
    """Load a font file; of a collection, the face for simplified Chinese where it has one."""
    try:
        first = ImageFont.truetype(str(path), _LOADED_AT)
    except OSError as error:
        raise FontMissingError(
            f"The font {path} cannot be loaded: {error}.",
            next_step="Name a TrueType or OpenType file, or install fonts-noto-cjk.",
        ) from error
    faces = _faces(path) if path.suffix.lower() == ".ttc" else ()
    return next((face for face in faces if (face.getname()[0] or "").endswith(_SIMPLIFIED)), first)


def _faces(path: Path) -> Iterator[ImageFont.FreeTypeFont]:
    for index in range(_MOST_FACES):
        try:
            yield ImageFont.truetype(str(path), _LOADED_AT, index=index)
        except OSError:  # past the last face
            return
