"""What the playground shows around an answer: the service's label, the documented prompts, the words of the script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypedDict

from zhengming.accounts.profiles import ServiceProfile
from zhengming.console.context import Console
from zhengming.console.playground.asking import is_rehearsal
from zhengming.core.i18n import DEFAULT_LANGUAGE, LANGUAGES, translate
from zhengming.core.words import LabelPlacement, strictest
from zhengming.gateway.rules import mask_text
from zhengming.gateway.upstreams import REHEARSALS
from zhengming.label.text import BOTH, wording

GROUPS: Final = {
    "stop": "guard",
    "stop-at-once": "guard",
    "stop-thinking": "guard",
    "redact": "guard",
    "tool": "guard",
    "tool-stop": "guard",
    "error": "fault",
    "rate-limit": "fault",
    "hang": "fault",
    "break-off": "fault",
    "garbage": "fault",
}
"""How the prompts are grouped on the page; what is not named here is an ordinary answer."""
FOR_ANY_MODEL: Final = {"concern": "care", "danger": "care", "block": "input", "attack": "input", "privacy": "input"}
"""Prompts of the playground's own, which act on the gateway whatever model answers, with their groups."""
_NOTICES: Final = ("stop.notice", "block.notice", "unscreened.notice")
_SCRIPT_WORDS: Final = (
    "you", "assistant", "thinking", "tool", "held", "held.none", "label.found", "label.none", "answering", "done",
    "left", "signin", "error.title", "error.signed_out", "error.broken", "error.offline", "error.rate_limited",
    "error.quota_exhausted", "error.no_evidence", "error.unscreened", "error.upstream_unavailable",
    "error.model_not_found", "error.too_large", "error.other",
)  # fmt: skip


class Standing(TypedDict):
    """What stands beside a conversation with a service.

    `audience` is the strictest that it serves, `label` what an interface shows all the time ("" where the label stands
    in the text), `rehearsal` which of its models are the rehearsal.
    """

    audience: str
    label: str
    rehearsal: list[str]


class Prompt(NamedTuple):
    """A prompt to try: what to write, what it shows, and the group in which it stands."""

    id: str
    prompt: str
    shows: str
    group: str


def label_of(service: ServiceProfile, language: str) -> str:
    """Return the words of the service's explicit label for a reader of this language, as the gateway chooses them."""
    policy = service.label
    chosen: str = policy.language
    if chosen == "auto":
        chosen = language if language == DEFAULT_LANGUAGE else BOTH
    return policy.wording or wording(chosen)


def standing_of(service: ServiceProfile, models: Sequence[str], language: str) -> Standing:
    """Return what the page shows of a service while it is chatted with."""
    shown = service.label.placement is LabelPlacement.INTERFACE
    return {
        "audience": str(strictest(service.audiences)),
        "label": label_of(service, language) if shown else "",
        "rehearsal": [name for name in models if is_rehearsal(service, name)],
    }


def prompts_for(language: str) -> list[Prompt]:
    """Return the prompts to try in the reader's language: the rehearsal's documented ones, then the page's own."""
    own = "en" if language == "en" else "zh"
    return [
        *(Prompt(one.id, one.prompt[own], one.shows[own], GROUPS.get(one.id, "plain")) for one in REHEARSALS),
        *(
            Prompt(
                name,
                translate("playground", f"prompt.{name}", language),
                translate("playground", f"prompt.{name}.shows", language),
                group,
            )
            for name, group in FOR_ANY_MODEL.items()
        ),
    ]


def marks_of(console: Console) -> dict[str, list[str]]:
    """Return the texts of the gateway's own that may stand in an answer, in both languages: masks and notices."""
    rules = console.gateway.rules.ruling.matcher.rules.rules
    masks = {mask_text(rule, language) for rule in rules for language in LANGUAGES}
    notices = [translate("gateway", key, language) for key in _NOTICES for language in LANGUAGES]
    return {"masks": sorted(masks, key=len, reverse=True), "notices": notices}


def words_of(language: str) -> dict[str, str]:
    """Return the texts that the page's script writes, by key; `{n}` places are filled there."""
    return {key: translate("playground", f"live.{key}", language) for key in _SCRIPT_WORDS}
