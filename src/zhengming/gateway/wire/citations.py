"""Citations of a chat answer: their offsets move with the label and with masks, and their titles are texts too."""

from __future__ import annotations

from typing import Any, Final

from zhengming.gateway.wire.answer import Answer
from zhengming.gateway.wire.base import Path
from zhengming.gateway.wire.edit import Edit
from zhengming.gateway.wire.splice import dump

_OFFSETS: Final = ("start_index", "end_index")


def write_citations(edit: Edit, prefix: Path, citations: Any, answer: Answer) -> None:
    """Correct the list of `annotations` at `prefix`. A citation of text that was not shown points to its end."""
    for position, citation in enumerate(citations if isinstance(citations, list) else ()):
        kind = citation.get("type") if isinstance(citation, dict) else None
        cited = citation.get(kind) if isinstance(kind, str) else None
        if not isinstance(cited, dict):
            continue
        path: Path = (*prefix, position, str(kind))
        for key in _OFFSETS:
            offset = cited.get(key)
            if isinstance(offset, int) and (new := answer.place_of(offset)) != offset:
                edit.value((*path, key), dump(new))
        title = cited.get("title")
        if isinstance(title, str):
            edit.text((*path, "title"), title, answer.judge_alone(title))
