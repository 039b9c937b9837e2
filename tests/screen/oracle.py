"""What matching means, by brute force: nothing here is shared with the engines but the table of single characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from zhengming.screen.fold import load_fold
from zhengming.screen.rule import Rule

FOLD = load_fold()
WIDEST = 64


class Letter(NamedTuple):
    """One character of a folded stream: `origin` in the text, `place` in the plain stream."""

    char: str
    origin: int
    place: int


def plain(text: str) -> list[Letter]:
    """The plain stream, position by position."""
    out: list[Letter] = []
    for origin, char in enumerate(text):
        for part in FOLD.table.get(char, char):
            out.append(Letter(part, origin, len(out)))
    return out


def is_word(char: str) -> bool:
    """A digit or a letter of a script with spaces."""
    return char in FOLD.words


def tight(letters: Sequence[Letter]) -> list[Letter]:
    """The tight stream: look at each run of separators between two other characters."""
    kept = [letter for letter in letters if letter.char not in FOLD.separators]
    out: list[Letter] = []
    for number, letter in enumerate(kept):
        if number:
            before = kept[number - 1]
            skipped = letter.place - before.place - 1
            if skipped > 4:
                out.append(Letter("\0", letter.origin, letter.place))
            elif skipped and is_word(before.char) and is_word(letter.char):
                out.append(Letter(" ", letter.origin, letter.place))
        out.append(letter)
    return out


def tight_text(text: str) -> str:
    """The tight stream as text."""
    return "".join(letter.char for letter in tight(plain(text)))


def forms(literal: str) -> set[str]:
    """A literal as it stands in the tight stream, and spelled out when it has three characters and two words touch."""
    form = tight_text(literal)
    characters = form.replace(" ", "")
    if len(characters) < 3:
        return {form}
    spelled = characters[0]
    for char in characters[1:]:
        spelled += " " + char if is_word(spelled[-1]) and is_word(char) else char
    return {form, spelled}


def free(letters: Sequence[Letter], place: int) -> bool:
    """No word character stands at this place of the plain stream."""
    return not (0 <= place < len(letters) and is_word(letters[place].char))


def literal_matches(number: int, rule: Rule, letters: Sequence[Letter]) -> set[tuple[int, int, int]]:
    """Naive search for every form at every position of the tight stream."""
    stream = tight(letters)
    text = "".join(letter.char for letter in stream)
    found: set[tuple[int, int, int]] = set()
    for form in set().union(*map(forms, rule.literals)):
        for at in range(len(text) - len(form) + 1):
            if text[at : at + len(form)] != form:
                continue
            first, last = stream[at], stream[at + len(form) - 1]
            left = free(letters, first.place - 1) or not (rule.boundary or is_word(form[0]))
            right = free(letters, last.place + 1) or not (rule.boundary or is_word(form[-1]))
            if left and right:
                found.add((first.origin, last.origin + 1, number))
    return found


def expression_matches(number: int, rule: Rule, letters: Sequence[Letter]) -> set[tuple[int, int, int]]:
    """For each end the earliest start that fits, by trying all."""
    text = "".join(letter.char for letter in letters)
    found: set[tuple[int, int, int]] = set()
    for end in range(1, len(text) + 1):
        for start in range(max(0, end - WIDEST), end):
            if rule.boundary and not free(letters, start - 1):
                continue
            if re.fullmatch(rule.expression, text[start:end]):
                if not rule.boundary or free(letters, end):
                    found.add((letters[start].origin, letters[end - 1].origin + 1, number))
                break
    return found


def matches(rules: Sequence[Rule], text: str) -> list[tuple[int, int, int]]:
    """All matches in the order of their delivery."""
    letters = plain(text)
    found: set[tuple[int, int, int]] = set()
    for number, rule in enumerate(rules):
        find = expression_matches if rule.expression else literal_matches
        found |= find(number, rule, letters)
    return sorted(found, key=lambda match: (match[1], match[0], -rules[match[2]].severity, match[2]))
