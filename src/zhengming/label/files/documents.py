"""The formats of documents, those that any text would fit last."""

from __future__ import annotations

from typing import Final

from zhengming.label.files.base import FileFormat
from zhengming.label.files.gltf import Gltf
from zhengming.label.files.html import Html
from zhengming.label.files.json_file import JsonFile
from zhengming.label.files.markdown import Markdown
from zhengming.label.files.opc import Opc
from zhengming.label.files.packed import EPUB, ODT
from zhengming.label.files.pdf import Pdf
from zhengming.label.files.plain import Plain
from zhengming.label.files.svg import Svg
from zhengming.label.files.usd import Usda

DOCX: Final = Opc("docx", b"word/", "wordprocessingml.document", "docdot")
XLSX: Final = Opc("xlsx", b"xl/", "spreadsheetml.sheet", "xlsxlt")
PPTX: Final = Opc("pptx", b"ppt/", "presentationml.presentation", "pptpot")

DOCUMENTS: Final[tuple[FileFormat, ...]] = (
    Pdf(),
    Usda(),
    DOCX,
    XLSX,
    PPTX,
    ODT,
    EPUB,
    Svg(),
    Html(),
    JsonFile(),
    Gltf(),
    Plain(),
    Markdown(),
)
