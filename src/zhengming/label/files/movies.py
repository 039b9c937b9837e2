"""The formats of moving pictures, and of the sound and stills that share their containers."""

from __future__ import annotations

from typing import Final

from zhengming.label.files.base import FileFormat
from zhengming.label.files.heif import Avif, Heic
from zhengming.label.files.mkv import Mkv, WebM
from zhengming.label.files.mp4 import M4a, Mov, Mp4

MOVIES: Final[tuple[FileFormat, ...]] = (Mp4(), Mov(), M4a(), Heic(), Avif(), Mkv(), WebM())
