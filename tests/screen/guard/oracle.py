"""An independent reading of the same promises: whole texts, brute force, nothing shared with the guard or the engines.

Slow and plain on purpose. Folding is Unicode's own (NFKC, lower case), so texts for it use the alphabet of ordinary
characters, full-width forms and invisible ones, and of the traditional characters those in `TRADITIONAL`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from zhengming.core.words import Verdict
from zhengming.screen.rule import Rule

TRADITIONAL = {"殺": "杀", "賭": "赌", "詐": "诈", "騙": "骗", "電": "电", "話": "话", "號": "号"}
ENDINGS = {Verdict.STOP, Verdict.BLOCK, Verdict.REPLACE}
GAP = 4
REACH = 64
SENTENCE_ENDS = "。.!?;…"


class Found(NamedTuple):
    """A match in original code points, as the fold orders them: by end, the longest first, then the graver."""

    end: int
    start: int
    leniency: int
    rule: int


class Outcome(NamedTuple):
    """What a reader gets of a whole text: the text shown, where it was stopped (-1: not), and (rule id, span) notes."""

    shown: str
    stop: int
    notes: tuple[tuple[str, tuple[int, int] | None], ...]


class Meter(NamedTuple):
    """A scorer to the oracle: fires once `score(prefix of the plain stream)` reaches the threshold."""

    id: str
    verdict: Verdict
    threshold: float
    score: Callable[[str], float]


def plain(text: str) -> list[tuple[str, int]]:
    """The plain stream: folded characters with the place of the character each came from."""
    stream = []
    for place, character in enumerate(text):
        for folded in unicodedata.normalize("NFKC", character).lower():
            kind = unicodedata.category(folded)
            if kind in {"Cf", "Mn", "Me"} or (kind == "Cc" and not folded.isspace()):
                continue
            stream.append((" " if folded.isspace() else TRADITIONAL.get(folded, folded), place))
    return stream


def is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def tight(stream: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """The tight stream: one space for one to four separators between word characters, none beside others."""
    out: list[tuple[str, int]] = []
    gap: list[int] = []
    for character, place in stream:
        if not character.isalnum() and not "\ud800" <= character <= "\udfff":
            gap.append(place)
            continue
        if len(gap) > GAP:
            out.append(("\0", gap[GAP]))
        elif gap and out and is_word(out[-1][0]) and is_word(character):
            out.append((" ", place))
        out.append(("\0" if "\ud800" <= character <= "\udfff" else character, place))
        gap = []
    return out


def matches(rules: Sequence[Rule], text: str) -> list[Found]:
    """Every match of every rule in the whole text, in fold order."""
    found: set[Found] = set()
    stream = plain(text)
    for number, rule in enumerate(rules):
        for literal in rule.literals:
            found.update(_literal(number, rule, literal, text))
        if rule.expression:
            found.update(_expression(number, rule, stream))
    return sorted(found)


def _literal(number: int, rule: Rule, literal: str, text: str) -> list[Found]:
    stream = plain(text)
    body = tight(stream)
    string = "".join(character for character, _ in body)
    form = "".join(character for character, _ in tight(plain(literal)))
    letters = form.replace(" ", "")
    forms = {form}
    if len(letters) > 2:
        pairs = zip(letters, [*letters[1:], "-"], strict=True)
        forms.add("".join(one + " " if is_word(one) and is_word(after) else one for one, after in pairs))
    found = []
    for wanted in forms:
        place = string.find(wanted)
        while place >= 0:
            start, end = body[place][1], body[place + len(wanted) - 1][1] + 1
            before = [character for character, at in stream if at < start][-1:]
            after = [character for character, at in stream if at >= end][:1]
            left = (rule.boundary or is_word(wanted[0])) and before and is_word(before[0])
            right = (rule.boundary or is_word(wanted[-1])) and after and is_word(after[0])
            if not left and not right:
                found.append(Found(end, start, -rule.severity, number))
            place = string.find(wanted, place + 1)
    return found


def _expression(number: int, rule: Rule, stream: list[tuple[str, int]]) -> list[Found]:
    string = "".join(character for character, _ in stream)
    pattern = re.compile(rule.expression, re.DOTALL)
    found = []
    for end in range(1, len(string) + 1):
        if rule.boundary and end < len(string) and is_word(string[end]):
            continue
        for start in range(max(0, end - REACH), end):
            if rule.boundary and start and is_word(string[start - 1]):
                continue
            if pattern.fullmatch(string, start, end):
                found.append(Found(stream[end - 1][1] + 1, stream[start][1], -rule.severity, number))
                break
    return found


def outcome(
    rules: Sequence[Rule],
    verdicts: Sequence[Verdict],
    mask: Callable[[Rule], str],
    text: str,
    meters: Sequence[Meter] = (),
) -> Outcome:
    """What is shown of a whole text, by the promises of docs/explanation/hold-back.md."""
    marks = _marks(text, meters)
    last = next((mark for mark in marks if mark[1].verdict in ENDINGS), None)
    if last is not None:
        text = text[: last[0]]
        marks = marks[: marks.index(last)]
    return _fold(rules, verdicts, mask, (text, matches(rules, text)), (marks, last))


def outcome_of(
    rules: Sequence[Rule],
    verdicts: Sequence[Verdict],
    mask: Callable[[Rule], str],
    text: str,
    found: Iterable[tuple[int, int, int]],
) -> Outcome:
    """The same from matches (start, end, rule) that another engine found in the whole text."""
    ordered = sorted(Found(end, start, -rules[rule].severity, rule) for start, end, rule in found)
    return _fold(rules, verdicts, mask, (text, ordered), ([], None))


def _fold(
    rules: Sequence[Rule],
    verdicts: Sequence[Verdict],
    mask: Callable[[Rule], str],
    judged: tuple[str, list[Found]],
    scored: tuple[list[tuple[int, Meter, bool]], tuple[int, Meter, bool] | None],
) -> Outcome:
    text, found = judged
    marks, last = scored
    # a mark comes before the matches that end at its place, but the marks of the text's end come last of all
    events: list[tuple[tuple[int, int], int, Found | Meter]]
    events = [((at, 2 if late else 0), 0, meter) for at, meter, late in marks]
    events += [((match.end, 1), order, match) for order, match in enumerate(found)]
    notes: list[tuple[str, tuple[int, int] | None]] = []
    hidden: list[Found] = []
    for _, _, event in sorted(events, key=lambda event: event[:2]):
        if isinstance(event, Meter):
            notes.append((event.id, None))
            continue
        verdict = verdicts[event.rule]
        if verdict is Verdict.ALLOW:
            continue
        notes.append((rules[event.rule].id, (event.start, event.end)))
        if verdict is Verdict.REDACT:
            hidden.append(event)
        elif verdict in ENDINGS:
            before = [one for one in hidden if one.start < event.start]
            stop = max([event.start, *(one.end for one in before)])  # a mask that covers the stop's start is seen whole
            return Outcome(_paint(text, before, event.start, rules, mask), stop, tuple(notes))
    if last is not None:
        notes.append((last[1].id, None))
    return Outcome(_paint(text, hidden, len(text), rules, mask), -1 if last is None else last[0], tuple(notes))


def _marks(text: str, meters: Sequence[Meter]) -> list[tuple[int, Meter, bool]]:
    """Where each scorer fires, once, and whether that is only because the text ends."""
    stream = plain(text)
    string = "".join(character for character, _ in stream)
    marks: list[tuple[int, Meter, bool]] = []
    fired: set[str] = set()
    for position in range(1, len(string) + 1):
        late = position % 16 != 0 and string[position - 1] not in SENTENCE_ENDS
        if late and position < len(string):
            continue
        at = len(text) if late else stream[position - 1][1] + 1
        for meter in meters:
            if meter.id not in fired and meter.score(string[:position]) >= meter.threshold:
                fired.add(meter.id)
                marks.append((at, meter, late))
    return marks


def _paint(text: str, hidden: Sequence[Found], end: int, rules: Sequence[Rule], mask: Callable[[Rule], str]) -> str:
    """Write the text before `end`, each united stretch of hidden spans as one mask."""
    spans = sorted((found.start, -found.end, found.leniency, found.rule) for found in hidden)
    shown: list[str] = []
    place, covered = 0, -1
    for start, negative, _, rule in spans:
        if start > covered:
            shown += [text[place:start], mask(rules[rule])]
        covered = max(covered, -negative)
        place = covered
    return "".join(shown) + text[place:end]


def reloaded(
    rules: Sequence[Rule],
    verdicts: Sequence[Verdict],
    mask: Callable[[Rule], str],
    text: str,
    released: tuple[int, int],
) -> Outcome:
    """What is added to a text of at most 64 characters, part of which was released when these rules came.

    `released` is up to where, and where the last mask ended, -1 without one. Notes are those of the new rules.
    """
    shown, masked = released
    notes: list[tuple[str, tuple[int, int] | None]] = []
    hidden: list[Found] = []
    stop = -1
    for match in matches(rules, text):
        verdict = verdicts[match.rule]
        if verdict is Verdict.ALLOW:
            continue
        notes.append((rules[match.rule].id, (match.start, match.end)))
        if match.end <= shown:
            continue
        if verdict is Verdict.REDACT:
            hidden.append(match)
        elif verdict in ENDINGS:
            stop = max(shown, match.start)
            hidden = [one for one in hidden if one.start < match.start]
            break
    pieces: list[str] = []
    place, covered = shown, masked
    for start, negative, _, rule in sorted((one.start, -one.end, one.leniency, one.rule) for one in hidden):
        if max(start, shown) > covered:
            pieces += [text[place : max(start, shown)], mask(rules[rule])]
        covered = place = max(covered, -negative)
    pieces.append(text[place : len(text) if stop < 0 else stop])
    return Outcome("".join(pieces), stop if stop < 0 else max(stop, place), tuple(notes))
