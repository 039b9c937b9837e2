"""Rules and texts over a small, nasty alphabet, where everything that can go wrong is likely."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from zhengming.core.words import Category
from zhengming.screen.rule import Rule

SAME = {
    "赌": "赌賭",
    "博": "博",
    "k": "kKｋк𝐤",
    "i": "iIıі",
    "s": "sＳѕ",
    "1": "1１①१",
}
"""Folded characters with ways to write them."""
NOISE = ("\u200b", "\u0301", "\ufe0f", "\x07")
SEPARATORS = (" ", ",", "，", "\n", "*", "🎲", "\u3000", "…")
LETTERS = tuple(SAME)
STRANGE = ("\ud800", "ß", "㎏", "⑩", "乙", "é", "я", "\U00020000")
FOLDED = (*LETTERS, " ", ",")
"""What the classes of generated expressions are made of, and continuations are searched over."""


MOST_WORDS = 400


class Expression(NamedTuple):
    """An expression with the words of its language over `FOLDED`."""

    source: str
    words: frozenset[str]


ATOMS = (
    *(Expression(letter, frozenset(letter)) for letter in LETTERS),
    Expression("[赌k1]", frozenset("赌k1")),
    Expression("[i-s]", frozenset("iks")),
    Expression(r"\d", frozenset("1")),
    Expression(r"[\s,]", frozenset(" ,")),
    Expression("[^k,]", frozenset(FOLDED) - {"k", ","}),
    Expression(".", frozenset(FOLDED)),
)


def _chained(one: Expression, other: Expression) -> Expression:
    if len(one.words) * len(other.words) > MOST_WORDS:
        return one
    return Expression(one.source + other.source, frozenset(a + b for a in one.words for b in other.words))


def _repeated(part: Expression, least: int, most: int, *, lazy: bool) -> Expression:
    if len(part.words) ** max(most, 1) > MOST_WORDS // 4:
        return part
    words: set[str] = set()
    power = {""}
    for count in range(most + 1):
        if count >= least:
            words |= power
        power = {before + after for before in power for after in part.words}
    return Expression(f"(?:{part.source}){{{least},{most}}}" + ("?" if lazy else ""), frozenset(words))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> Expression:
    """A sequence of characters, classes, alternatives and repeats; perhaps it matches the empty text."""
    whole = Expression("", frozenset([""]))
    for shape in draw(st.lists(st.sampled_from("aaabr" if depth else "a"), min_size=1, max_size=3)):
        if shape == "a":
            part = draw(st.sampled_from(ATOMS))
        elif shape == "b":
            one, other = draw(expressions(depth - 1)), draw(expressions(depth - 1))
            part = Expression(f"(?:{one.source}|{other.source})", one.words | other.words)
        else:
            least = draw(st.integers(0, 2))
            inner = draw(expressions(depth - 1))
            part = _repeated(inner, least, least + draw(st.integers(0, 2)), lazy=draw(st.booleans()))
        whole = _chained(whole, part)
    return whole


LITERALS = st.one_of(
    st.text(st.sampled_from(LETTERS), min_size=1, max_size=4),
    st.tuples(
        st.text(st.sampled_from(LETTERS), min_size=1, max_size=3),
        st.text(st.sampled_from(LETTERS), min_size=1, max_size=3),
    ).map(" ".join),
)


class Drawn(NamedTuple):
    """Rules, with the language of each that is an expression."""

    rules: tuple[Rule, ...]
    words: tuple[frozenset[str], ...]


@st.composite
def rule_lists(draw: st.DrawFn) -> Drawn:
    """One to four rules of literals and expressions."""
    rules: list[Rule] = []
    words: list[frozenset[str]] = []
    for number in range(draw(st.integers(1, 4))):
        severity = draw(st.integers(0, 4))
        boundary = draw(st.sampled_from((False, False, False, False, True)))  # one is enough to leave the fast path
        if draw(st.booleans()):
            literals = tuple(draw(st.lists(LITERALS, min_size=1, max_size=3)))
            rules.append(Rule(f"r{number}", "1", Category.FRAUD, severity, literals, boundary=boundary))
            words.append(frozenset())
        else:
            expression, boundary = draw(expressions()), draw(st.booleans())
            if "" in expression.words:
                expression = _chained(draw(st.sampled_from(ATOMS[: len(LETTERS)])), expression)
            rules.append(
                Rule(f"r{number}", "1", Category.FRAUD, severity, expression=expression.source, boundary=boundary)
            )
            words.append(expression.words)
    return Drawn(tuple(rules), tuple(words))


_WRITTEN = st.sampled_from([written for ways in SAME.values() for written in ways])
_ANY = st.one_of(st.sampled_from("赌博k"), _WRITTEN, _WRITTEN, st.sampled_from((*SEPARATORS, *NOISE, *STRANGE)))


@st.composite
def texts_about(draw: st.DrawFn, rules: tuple[Rule, ...], size: int = 24) -> str:
    """A text in which the rules' literals stand, written in many ways, between anything else."""
    pieces: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        pieces.append(draw(st.text(_ANY, max_size=6)))
        literals = draw(st.sampled_from(rules)).literals
        if literals:
            for letter in draw(st.sampled_from(literals)):
                pieces.append(draw(st.sampled_from(SAME.get(letter, letter))))
                pieces.append(draw(st.sampled_from(("", "", "", " ", "*", "\u200b", ", , ", ".....", "\u0301"))))
    pieces.append(draw(st.text(_ANY, max_size=6)))
    return "".join(pieces)[:size]


@st.composite
def cuts_of(draw: st.DrawFn, text: str) -> list[str]:
    """The text cut into pieces, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    if draw(st.integers(0, 3)) == 0:
        return list(text)
    return [text[one:other] for one, other in zip([0, *places], [*places, len(text)], strict=True)]
