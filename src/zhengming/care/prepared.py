"""Prepared texts for a person who may be in danger. Written by people, reviewed as a whole, never made by a model.

Each asks directly, shows that somebody listens, urges a trusted person and professionals, and keeps the talk open.
None names a method or a place, blames, minimises, promises hours that a line does not keep, or ends the conversation.
The wordings stand in the catalogue `care`; the numbers come from :mod:`zhengming.care.hotlines`.
"""

from __future__ import annotations

from typing import Final

from zhengming.care.hotlines import Hotline, HotlineKind, Hotlines, load_hotlines
from zhengming.care.step import CareAction, CarePlan, HelpSituation
from zhengming.core.i18n import translate
from zhengming.core.words import Audience

DEFAULT_REGION: Final = "CN"

# How many wordings a situation has. Where the person may meet it in several turns, the turn chooses.
VARIANTS: Final = {
    HelpSituation.CONCERN: 2,
    HelpSituation.DANGER: 1,
    HelpSituation.IMMINENT: 1,
    HelpSituation.CONTINUED: 4,
    HelpSituation.UNAVAILABLE: 3,
    HelpSituation.OUTAGE: 1,
}
_MINORS: Final = frozenset({Audience.CHILD, Audience.TEEN})
_EMERGENCY_FIRST: Final = frozenset({HelpSituation.IMMINENT})


class PreparedHelp:
    """Gives the text that fits. Immutable; one serves all requests of a service.

    `region` is the ISO 3166 code of the country whose numbers are shown; a number of another country helps nobody, so
    an unknown region shows none and names the local services in words.
    """

    __slots__ = ("_hotlines", "_region")

    def __init__(self, hotlines: Hotlines | None = None, region: str = DEFAULT_REGION) -> None:
        self._hotlines = load_hotlines() if hotlines is None else hotlines
        self._region = region

    def for_plan(self, plan: CarePlan, language: str, audience: Audience) -> str:
        """Return the text of a plan: a whole answer for prepared help, a paragraph to append for an offer, else ""."""
        if plan.action is CareAction.NONE:
            return ""
        return self.for_situation(plan.situation, language, audience, plan.variant)

    def when_needed(self, language: str, audience: Audience, variant: int = 0) -> str:
        """Return the text for a person who may be in danger while the service cannot answer, whatever the cause."""
        return self.for_situation(HelpSituation.UNAVAILABLE, language, audience, variant)

    def for_situation(self, situation: HelpSituation, language: str, audience: Audience, variant: int = 0) -> str:
        """Return the text for a situation; "" for `none`. Two neighbouring variants differ where there are several."""
        if situation is HelpSituation.NONE:
            return ""
        key = f"{situation.value}.{variant % VARIANTS[situation] + 1}"
        trusted = "trusted.minor" if audience in _MINORS else "trusted.adult"
        return translate(
            "care",
            key,
            language,
            trusted=translate("care", trusted, language),
            lines=self._lines(situation, language, audience),
        )

    def _lines(self, situation: HelpSituation, language: str, audience: Audience) -> str:
        shown = self._hotlines.shown(self._region, audience, emergency_first=situation in _EMERGENCY_FIRST)
        if situation is HelpSituation.CONCERN:
            shown = tuple(record for record in shown if record.kind is not HotlineKind.EMERGENCY)
        if not shown:
            return translate("care", "lines.none", language)
        return "\n".join(_line(record, language) for record in shown)


def _line(record: Hotline, language: str) -> str:
    hours = record.hours_in(language)
    key = "lines.with_hours" if hours else "lines.plain"
    return translate("care", key, language, number=record.number, name=record.name_in(language), hours=hours)
