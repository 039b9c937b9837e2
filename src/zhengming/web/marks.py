"""Text with marked spans, cut into pieces that a template can write one after the other; overlaps are kept."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple


class Mark(NamedTuple):
    """A span of a text, half-open, in code points. `label` says aloud what it is, `note` is the number of its footnote.

    `kind` chooses the look, such as the id of a verdict.
    """

    start: int
    end: int
    label: str
    kind: str = ""
    note: int = 0


class Piece(NamedTuple):
    """A stretch of text under the same marks; the marks stand in the order in which they were given."""

    text: str
    marks: tuple[Mark, ...] = ()

    @property
    def kind(self) -> str:
        """The look of the first mark, empty for plain text."""
        return self.marks[0].kind if self.marks else ""

    @property
    def label(self) -> str:
        """What every mark says, one after the other; empty for plain text."""
        return "; ".join(dict.fromkeys(mark.label for mark in self.marks))

    @property
    def notes(self) -> tuple[int, ...]:
        """The numbers of the footnotes of its marks."""
        return tuple(dict.fromkeys(mark.note for mark in self.marks if mark.note))


def pieces(text: str, spans: Iterable[Mark]) -> list[Piece]:
    """Cut the text where a mark begins or ends; the pieces, joined, are the text.

    A mark that reaches beyond the text is cut to it; what is empty then is left out. A text without marks is one
    piece, an empty text none.
    """
    kept = [
        mark._replace(start=start, end=end)
        for mark in spans
        if (start := max(mark.start, 0)) < (end := min(mark.end, len(text)))
    ]
    edges = sorted({0, len(text), *(mark.start for mark in kept), *(mark.end for mark in kept)})
    found = []
    for start, end in pairwise(edges):
        over = tuple(mark for mark in kept if mark.start <= start and end <= mark.end)
        found.append(Piece(text[start:end], over))
    return found
