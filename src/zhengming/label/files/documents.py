"""The formats of documents, those that any text would fit last."""

from __future__ import annotations

from typing import Final

from zhengming.label.files.base import FileFormat
from zhengming.label.files.html import Html
from zhengming.label.files.markdown import Markdown
from zhengming.label.files.plain import Plain

DOCUMENTS: Final[tuple[FileFormat, ...]] = (
    Html(),
    Plain(),
    Markdown(),
)
