"""Big operator lists for measuring: words drawn from the letters of ordinary text, so that many begin to match."""

from __future__ import annotations

import random
import re
from pathlib import Path

from zhengming.core.words import Category
from zhengming.screen.rule import Rule, RuleSet

TEXTS = Path(__file__).resolve().parent / "texts"
PER_RULE = 50


def lines(language: str) -> list[str]:
    """Return the ordinary lines of `zh` or `en`."""
    return (TEXTS / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def pattern_rules(count: int, library: RuleSet, *, seed: int = 7) -> RuleSet:
    """Return the library and rules with `count` literals, none of which stands in the ordinary lines.

    Two thirds are Chinese words of two to six characters, as frequent in them as in ordinary text (so nearly every
    character begins some pattern); one third are one to three English words.
    """
    chance = random.Random(seed)
    chinese = re.sub(r"\W", "", "".join(lines("zh")))
    english = re.sub(r"[^a-z]+", " ", " ".join(lines("en")).lower())
    characters = [character for character in chinese if "\u4e00" <= character <= "\u9fff"]
    words = english.split()
    found: set[str] = set()
    while len(found) < count:
        if chance.random() < 2 / 3:
            literal = "".join(chance.choices(characters, k=chance.choice((2, 3, 3, 4, 4, 4, 5, 6))))
            ordinary = literal in chinese
        else:
            literal = " ".join(_invented(chance, words) for _ in range(chance.choice((1, 2, 2, 3))))
            ordinary = literal in english
        if not ordinary:
            found.add(literal)
    ordered = sorted(found)
    chance.shuffle(ordered)
    rules = [
        Rule(f"list.{number:05}", "1", Category.GAMBLING_ILLICIT, 3, tuple(ordered[number : number + PER_RULE]))
        for number in range(0, count, PER_RULE)
    ]
    return RuleSet((*library.rules, *rules))


def _invented(chance: random.Random, words: list[str]) -> str:
    """Return a word that begins like an ordinary one and ends like another."""
    one, other = chance.choice(words), chance.choice(words)
    return one[: max(1, len(one) * 2 // 3)] + other[len(other) // 2 :]


def pieces(language: str, *, seed: int = 3) -> list[list[str]]:
    """Return each ordinary line in pieces as a model streams it: one to four Chinese characters, or about a word."""
    chance = random.Random(seed)
    sizes = (1, 2, 2, 3, 4) if language == "zh" else (2, 3, 4, 5, 6, 8)
    cut = []
    for line in lines(language):
        text, parts, place = line + "\n", [], 0
        while place < len(text):
            size = chance.choice(sizes)
            parts.append(text[place : place + size])
            place += size
        cut.append(parts)
    return cut
