"""The documented prompts and what they bring, read once from `rehearsals.yaml`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_SOURCE: Final = Path(__file__).with_name("rehearsals.yaml")
_SPACE = re.compile(r"\s+")
_LAST = " .。!！?？…"
LANGUAGES: Final = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One documented prompt: what to write, what it shows, and what is answered; texts by language `zh` and `en`."""

    id: str
    prompt: Mapping[str, str]
    shows: Mapping[str, str]
    answer: Mapping[str, str]
    reasoning: Mapping[str, str]
    tool: bool = False
    structured: bool = False
    refusal: bool = False
    fault: str = ""
    repeat: int = 1


def _load() -> tuple[tuple[Rehearsal, ...], dict[str, Any]]:
    content = yaml.safe_load(_SOURCE.read_text(encoding="utf-8"))
    records = content.pop("rehearsals")
    empty = dict.fromkeys(LANGUAGES, "")
    return tuple(Rehearsal(**{"answer": empty, "reasoning": empty, **record}) for record in records), content


REHEARSALS, _TEXTS = _load()


def normal(text: str) -> str:
    """Return the text as prompts are compared: lower case, single spaces, no final punctuation."""
    return _SPACE.sub(" ", text).strip().casefold().rstrip(_LAST)


# The longest prompt first, so that one which contains another is found.
_BY_PROMPT: Final = sorted(
    ((normal(rehearsal.prompt[language]), rehearsal, language) for rehearsal in REHEARSALS for language in LANGUAGES),
    key=lambda entry: -len(entry[0]),
)


def find(message: str) -> tuple[Rehearsal, str] | None:
    """Return the rehearsal whose prompt stands in the message, and the prompt's language."""
    said = normal(message)
    for prompt, rehearsal, language in _BY_PROMPT:
        if prompt in said:
            return rehearsal, language
    return None


def otherwise(message: str, language: str, variant: int = 0) -> str:
    """Return the answer to a message that is not documented; another `variant` gives another one."""
    choices = _TEXTS["otherwise"][language]
    seed = hashlib.sha256(message.encode("utf-8", "surrogatepass")).digest()
    return str(choices[(seed[0] + variant) % len(choices)])


def fixed(key: str, language: str) -> str:
    """Return one of the texts for special occasions, `after_tool` or `no_tool`."""
    return str(_TEXTS[key][language])
