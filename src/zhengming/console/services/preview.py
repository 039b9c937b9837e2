"""What a label will look like, made by the same code that labels answers; no model is asked."""

from __future__ import annotations

from typing import NamedTuple

from zhengming.console.services.draft import Draft, producer_problem, wording_problem
from zhengming.core.i18n import translate
from zhengming.core.words import LabelPlacement
from zhengming.label import provider_code
from zhengming.label.provider_code import CodeReading
from zhengming.label.text import BOTH, TextLabel, meets_standard, wording


class LabelSample(NamedTuple):
    """A sample answer under its label. `reader` is `chinese`, `other` or `everybody`; `parts` are (text, is label)."""

    reader: str
    parts: tuple[tuple[str, bool], ...]


class Preview(NamedTuple):
    """What the form's label comes to. `standard` says whether it meets the words of GB 45438-2025 for every reader."""

    samples: tuple[LabelSample, ...]
    interface: bool
    standard: bool
    code: CodeReading | None


def preview_of(draft: Draft) -> Preview | None:
    """Return the samples of a draft's label; None while its placement, language or wording cannot be used."""
    if draft.placement not in set(LabelPlacement) or wording_problem(draft.wording) is not None:
        return None
    readers = {"auto": (("chinese", "zh-CN"), ("other", BOTH))}.get(draft.language, (("everybody", draft.language),))
    try:
        labels = [(reader, TextLabel(LabelPlacement(draft.placement), kind, draft.wording)) for reader, kind in readers]
        words = [draft.wording or wording(kind) for _, kind in readers]
    except KeyError:
        return None
    is_code = provider_code.looks_like_code(draft.producer) and producer_problem(draft.producer) is None
    return Preview(
        tuple(LabelSample(reader, _parts(reader, label)) for reader, label in labels),
        draft.placement == LabelPlacement.INTERFACE,
        all(map(meets_standard, words)),
        provider_code.read(draft.producer) if is_code else None,
    )


def _parts(reader: str, label: TextLabel) -> tuple[tuple[str, bool], ...]:
    answer = translate("services", "preview.answer", "en" if reader == "other" else "zh-CN")
    parts = ((label.start.strip(), True), (answer, False), (label.end.strip(), True))
    return tuple(part for part in parts if part[0])
