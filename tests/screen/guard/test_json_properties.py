"""A guarded JSON text stays JSON, and parses to what the rules leave of its decoded values, for every cut.

Each example runs six cuts: 4 x 250 examples, 6,000 cases; 100 more examples are no JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.screen.guard import oracle, strategies
from tests.screen.guard.cases import cut, mask_of, screening_of, seen
from tests.screen.guard.json_oracle import Number, Pairs, guarded

from zhengming.core.words import Verdict
from zhengming.screen.guard import Command, JsonGuard, Mask, Note, Screening, Show
from zhengming.screen.matcher import compile_matcher
from zhengming.screen.rule import Rule, RuleSet

NUMBERS = ("0", "-1", "13800", "-13800", "1.5e3", "123456", "12E+34", "1380013800013800", "-0.0", "1234.5678")
SPACES = ("", "", "", " ", "\n\t", "  ")
SIMPLE = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\b": "\\b", "/": "\\/"}


@st.composite
def written_strings(draw: st.DrawFn, fragments: Sequence[str]) -> str:
    """A JSON string: fragments, characters escaped in all ways or not at all, lone surrogates."""
    pieces = draw(st.lists(st.sampled_from([*fragments, '"', "\\", "/", "\b", "😀", "\ud83d", "\ude00"]), max_size=7))
    out = []
    for character in "".join(pieces):
        escaped = json.dumps(character)[1:-1]
        must = character in '"\\' or character < " " or "\ud800" <= character <= "\udfff"
        ways = [escaped] if must else [character, character, escaped]
        if character in SIMPLE:
            ways.append(SIMPLE[character])
        ways.append("".join(f"\\u{unit:04X}" for unit in units(character)))
        out.append(draw(st.sampled_from(ways)))
    return '"' + "".join(out) + '"'


def units(character: str) -> list[int]:
    data = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2)]


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[Rule], list[Verdict], str]:
    """Rules, verdicts, and a JSON text in which the rules mostly find something."""
    rules, verdicts = draw(strategies.rule_sets())
    likely = [text for rule in rules for text in (*rule.literals, *strategies.FINDS.get(rule.expression, ()))]
    fragments = [*likely, *likely, *draw(st.lists(st.sampled_from(strategies.FRAGMENTS), min_size=4, max_size=4))]
    leaves = st.one_of(
        written_strings(fragments),
        written_strings(fragments),
        st.sampled_from(NUMBERS),
        st.sampled_from(["true", "false", "null"]),
    )
    space = st.sampled_from(SPACES)

    def array(items: list[str], gap: str) -> str:
        return "[" + gap + ("," + gap).join(item + gap for item in items) + "]"

    def obj(pairs: list[tuple[str, str]], gap: str) -> str:
        return "{" + gap + ("," + gap).join(f"{key}{gap}:{gap}{item}{gap}" for key, item in pairs) + "}"

    values = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(array, st.lists(inner, max_size=4), space),
            st.builds(obj, st.lists(st.tuples(written_strings(fragments), inner), max_size=3), space),
        ),
        max_leaves=6,
    )
    return rules, verdicts, draw(space) + draw(values) + draw(space)


def parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, strict=False)


def screened(rules: Sequence[Rule], verdicts: Sequence[Verdict]) -> Screening:
    return screening_of(rules, verdicts, engine=compile_matcher(RuleSet(tuple(rules))))


def check_commands(commands: Sequence[Command], text: str) -> None:
    """Offsets run on without a gap, and what is not masked keeps its bytes."""
    place = 0
    for command in commands:
        if isinstance(command, Show):
            assert (command.start, command.text) == (place, text[command.start : command.end])
            place = command.end
        elif isinstance(command, Mask):
            assert command.start == place
            place = command.end
        elif isinstance(command, Note):
            assert command.reason.signal.span is not None
            assert 0 <= command.reason.signal.span.start < command.reason.signal.span.end <= len(text)


@pytest.mark.parametrize("part", range(4))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=documents(), places=strategies.cuts)
def test_a_guarded_document_parses_to_its_guarded_values(
    part: int,  # noqa: ARG001 - each part draws its own examples
    case: tuple[list[Rule], list[Verdict], str],
    places: list[set[int]],
) -> None:
    rules, verdicts, text = case
    expected = guarded(parse(text), lambda value: oracle.outcome(rules, verdicts, mask_of, value))
    screening = screened(rules, verdicts)
    results = set()
    for pieces in (*(cut(text, one) for one in places), list(text), [text]):
        guard = JsonGuard(screening)
        commands: list[Command] = []
        for piece in pieces:
            commands += guard.feed(piece)
            assert 0 <= guard.held <= len(text)
        commands += guard.finish()
        results.add(seen(commands))
        check_commands(commands, text)
        assert guard.held == 0
        assert guard.stopped == expected.stopped

    assert len(results) == 1, "the cut changed what was shown"
    shown = results.pop().shown
    assert parse(shown) == expected.value
    if expected.value == parse(text) and not expected.stopped:
        assert shown == text


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    case=documents(),
    places=strategies.cuts,
    at=st.integers(0, 40),
    junk=st.sampled_from(["}", ",", "x", "杀人 ", '"', "\\", "1 3", ""]),
    keep=st.integers(0, 60),
)
def test_what_is_no_json_is_shown_alike_for_every_cut(
    case: tuple[list[Rule], list[Verdict], str], places: list[set[int]], at: int, junk: str, keep: int
) -> None:
    rules, verdicts, text = case
    text = text[:at] + junk + text[at : at + keep]
    screening = screened(rules, verdicts)
    results = set()
    for pieces in (*(cut(text, one) for one in places), list(text), [text]):
        guard = JsonGuard(screening)
        commands = [command for piece in pieces for command in guard.feed(piece)] + guard.finish()
        results.add(seen(commands))
        check_commands(commands, text)
        assert guard.held == 0

    assert len(results) == 1, "the cut changed what was shown"


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60), places=strategies.cuts)
def test_without_a_finding_any_text_comes_out_as_it_went_in(text: str, places: list[set[int]]) -> None:
    screening = screening_of([], [], engine=compile_matcher(RuleSet(())))
    for pieces in (*(cut(text, one) for one in places), list(text), [text]):
        guard = JsonGuard(screening)
        commands = [command for piece in pieces for command in guard.feed(piece)] + guard.finish()

        assert seen(commands).shown == text
