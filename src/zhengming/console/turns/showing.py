"""The opened texts of a turn as pieces: veiled paragraphs, marked spans, what was shown beside what was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from zhengming.console.turns.telling import Acted
from zhengming.core.words import Category, Surface, Verdict
from zhengming.gateway.turns.texts import Texts
from zhengming.label.text import strip_own_labels
from zhengming.web.marks import Mark, Piece, pieces
from zhengming.web.view import t, word_of

DISTRESSING: Final = frozenset(
    {
        Category.SELF_HARM,
        Category.SEXUAL,
        Category.SEXUAL_MINORS,
        Category.VIOLENCE,
        Category.HARASSMENT,
        Category.DISCRIMINATION,
    }
)
"""Texts in which one of these was found stay covered until each is opened."""


class Paragraph(NamedTuple):
    """A text to show. `name` says what it is; `veiled` asks to cover it; `empty` says that there is none, and why."""

    name: str
    pieces: Sequence[Piece]
    veiled: bool
    empty: str = ""


class Channel(NamedTuple):
    """One channel of the answer: what was shown, what the model said, and whether its end was withheld."""

    name: str
    shown: Paragraph
    said: Paragraph
    withheld: bool


def request_of(texts: Texts, found: Sequence[Acted]) -> list[Paragraph]:
    """Return the texts of the request, each with its findings marked."""
    shown = []
    for number, piece in enumerate(texts.input or (), 1):
        # Turns of an older version kept no path; a finding can be laid on its text only when there is one text.
        here = [
            one
            for one in found
            if one.signal.surface == Surface.INPUT
            and (one.signal.place == piece.path or (not piece.path and len(texts.input or ()) == 1))
        ]
        name = t("turns:texts.piece", n=number, role=_role(piece.role), path=piece.path or "–")
        shown.append(Paragraph(name, pieces(piece.text, _marks(here)), _distressing(here)))
    return shown


def answer_of(texts: Texts, found: Sequence[Acted], *, asked_model: bool, wording: str) -> list[Channel]:
    """Return the answer's channels; `wording` is the service's own label, which is taken off what the model said."""
    shown = texts.shown or {}
    said = texts.said
    if said is None and asked_model:
        own = (wording,) if wording else ()
        said = {channel: strip_own_labels(text, own) for channel, text in shown.items()}
    channels = []
    for name in dict.fromkeys([*shown, *(said or {})]):
        here = [one for one in found if one.signal.surface == Surface.OUTPUT and one.signal.place in {name, "answer"}]
        one_said = (said or {}).get(name)
        stopped = any(one.signal.verdict == Verdict.STOP for one in here)
        channels.append(
            Channel(
                _channel(name), _shown(shown.get(name), one_said, here), _said(one_said, here, asked_model), stopped
            )
        )
    return channels


def _shown(text: str | None, said: str | None, here: Sequence[Acted]) -> Paragraph:
    name = t("turns:texts.shown")
    if not text:
        return Paragraph(name, (), False, t("turns:texts.shown.none"))
    masks = [
        Mark(start, end, t("turns:texts.mask"), "redact", number)
        for start, end, number in masks_in(text, said or "", here)
    ]
    return Paragraph(name, pieces(text, masks), _distressing(one for one in here if one.signal.verdict not in _HIDDEN))


_HIDDEN: Final = frozenset({Verdict.REDACT, Verdict.STOP, Verdict.REPLACE})


def _said(text: str | None, here: Sequence[Acted], asked_model: bool) -> Paragraph:  # noqa: FBT001 - one caller
    name = t("turns:texts.said")
    if text is None:
        return Paragraph(name, (), False, t("turns:texts.said.none" if asked_model else "turns:texts.said.no_model"))
    marks = _marks(here)
    stop = min((mark.start for mark in marks if mark.kind == Verdict.STOP), default=None)
    if stop is not None:
        marks.append(Mark(stop, len(text), t("turns:texts.withheld"), Verdict.STOP))
    return Paragraph(name, pieces(text, marks), _distressing(here))


def masks_in(shown: str, said: str, here: Sequence[Acted]) -> list[tuple[int, int, int]]:
    """Return where masks stand in a shown text, with the numbers of their findings, in order.

    What was said between two redacted spans stands in the shown text as it was; so the masks are what lies between. A
    text in which that does not hold gives none.
    """
    spans = sorted(
        (one.signal.span_start, one.signal.span_end, one.number)
        for one in here
        if one.signal.verdict == Verdict.REDACT
        and one.signal.span_start is not None
        and one.signal.span_end is not None
    )
    if not spans:
        return []
    found: list[tuple[int, int, int]] = []
    before = said[: spans[0][0]]
    at = shown.find(before) + len(before) if before in shown else -1
    for place, (_, end, number) in enumerate(spans):
        kept = said[end : spans[place + 1][0]] if place + 1 < len(spans) else said[end : end + 12]
        after = shown.find(kept, at) if kept else -1
        if at < 0 or after <= at:
            return found
        found.append((at, after, number))
        at = after + len(kept)
    return found


def _marks(here: Sequence[Acted]) -> list[Mark]:
    return [
        Mark(
            one.signal.span_start,
            one.signal.span_end,
            t(
                "turns:texts.mark",
                n=one.number,
                verdict=word_of("Verdict", one.signal.verdict),
                rule=one.signal.rule,
                version=one.signal.rule_version,
            ),
            one.signal.verdict,
            one.number,
        )
        for one in here
        if one.signal.span_start is not None and one.signal.span_end is not None
    ]


def _distressing(here: Iterable[Acted]) -> bool:
    return any(one.signal.category in DISTRESSING for one in here)


def _role(role: str) -> str:
    try:
        return t(f"turns:role.{role}")
    except KeyError:
        return role


def _channel(name: str) -> str:
    choice, _, rest = name.partition("/")
    try:
        return t(f"turns:channel.{rest.partition('/')[0]}", n=int(choice) + 1 if choice.isdecimal() else choice)
    except KeyError:
        return name
