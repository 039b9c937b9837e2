"""Ordinary text in Chinese and English for the mock model, and patterns that do not occur in it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

from zhengming.gateway.upstreams import REHEARSALS

_HARMLESS: Final = ("clean", "long", "reasoning", "structured")
_SEED: Final = 20260101
_SYLLABLES: Final = (
    *("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wi"),
    *("xo", "yu", "za", "bre", "cli", "dro", "fla", "gri", "pla", "sto", "tra"),
)


def texts() -> dict[str, str]:
    """Return a few thousand characters of harmless text by language (`zh`, `en`)."""
    by_id = {rehearsal.id: rehearsal for rehearsal in REHEARSALS}
    return {
        language: "\n".join(
            part.strip()
            for name in _HARMLESS
            for part in (by_id[name].answer[language], by_id[name].reasoning[language])
            if part
        )
        for language in ("zh", "en")
    }


def chunks(language: str, count: int) -> list[str]:
    """Return `count` pieces of 2 to 5 characters of ordinary text, repeated when it is too short."""
    numbers = random.Random(_SEED)
    text = texts()[language]
    found: list[str] = []
    at = 0
    while len(found) < count:
        size = numbers.randint(2, 5)
        found.append((text + text)[at : at + size])
        at = (at + size) % len(text)
    return found


def patterns(count: int) -> list[str]:
    """Return `count` words, seven tenths Chinese of 2 to 6 characters, none of which stands in the ordinary text.

    Their characters are drawn from ordinary text, so that almost every character begins some pattern: that is what
    makes a matcher hold text back.
    """
    numbers = random.Random(_SEED)
    ordinary = texts()
    alphabet = sorted({character for character in ordinary["zh"] if "\u4e00" <= character <= "\u9fff"})
    everything = _tight("\n".join(text + text for text in ordinary.values()))
    found: dict[str, None] = {}
    while len(found) < count:
        if numbers.random() < 0.7:
            word = "".join(numbers.choices(alphabet, k=numbers.choices((2, 3, 4, 5, 6), (1, 3, 5, 2, 1))[0]))
        else:
            word = "".join(numbers.choices(_SYLLABLES, k=numbers.randint(3, 5)))
        if word not in everything:
            found[word] = None
    return list(found)


def _tight(text: str) -> str:
    """Return the text as literals are matched: nothing but letters and digits, in lower case."""
    return "".join(character for character in text.lower() if character.isalnum())


def write_rules(path: Path, count: int) -> Path:
    """Write the patterns as an operator's rule list (`id,category,severity,literal`) and return its path."""
    lines = ["id,category,severity,literal"]
    lines += [f"bench.{number},fraud,3,{word}" for number, word in enumerate(patterns(count))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
