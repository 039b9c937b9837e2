"""The formats of sound, and those of pictures and film that share their containers."""

from __future__ import annotations

from typing import Final

from zhengming.label.files.avi import Avi
from zhengming.label.files.base import FileFormat
from zhengming.label.files.flac import Flac
from zhengming.label.files.mp3 import Mp3
from zhengming.label.files.ogg import Ogg
from zhengming.label.files.wav import Wav
from zhengming.label.files.webp import WebP

SOUNDS: Final[tuple[FileFormat, ...]] = (Wav(), Mp3(), Flac(), Ogg(), WebP(), Avi())
