"""Two engines, one meaning: held against each other and against brute force."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.screen import oracle
from tests.screen.strategies import Drawn, cuts_of, rule_lists, texts_about

from zhengming.screen.matcher import Matcher, compile_matcher
from zhengming.screen.rule import RuleSet

CASES = settings(max_examples=400, deadline=None)


def matcher_of(drawn: Drawn) -> Matcher:
    return compile_matcher(RuleSet(drawn.rules, "test"))


@CASES
@given(st.data(), rule_lists())
def test_bulk_finds_what_brute_force_finds(data: st.DataObject, drawn: Drawn) -> None:
    text = data.draw(texts_about(drawn.rules))
    assert matcher_of(drawn).scan(text) == oracle.matches(drawn.rules, text)


@CASES
@given(st.data(), rule_lists())
def test_online_finds_the_same_in_the_same_order_for_every_cut(data: st.DataObject, drawn: Drawn) -> None:
    text = data.draw(texts_about(drawn.rules))
    matcher = matcher_of(drawn)
    scan = matcher.stream(matcher.acting(frozenset()))
    found = [match for piece in data.draw(cuts_of(text)) for match in scan.feed(piece)]
    assert found + scan.finish() == oracle.matches(drawn.rules, text)


@CASES
@given(st.data(), rule_lists())
def test_what_is_decided_and_what_is_live_depend_on_the_text_alone(data: st.DataObject, drawn: Drawn) -> None:
    text = data.draw(texts_about(drawn.rules))
    matcher = matcher_of(drawn)
    acting = matcher.acting(data.draw(st.frozensets(st.sampled_from(range(len(drawn.rules))))))
    scan, fed, found = matcher.stream(acting), "", []
    for piece in data.draw(cuts_of(text)):
        found += scan.feed(piece)
        fed += piece
        whole = matcher.stream(acting)
        assert whole.feed(fed) == found
        assert whole.live_from() == scan.live_from()


@CASES
@given(st.data(), rule_lists())
def test_no_acting_match_starts_before_what_was_said_to_be_live(data: st.DataObject, drawn: Drawn) -> None:
    text = data.draw(texts_about(drawn.rules))
    matcher = matcher_of(drawn)
    indices = data.draw(st.frozensets(st.sampled_from(range(len(drawn.rules)))))
    scan = matcher.stream(matcher.acting(indices))
    free = 0
    for character in text:
        for match in scan.feed(character):
            assert match.rule not in indices or match.start >= free
        assert scan.live_from() <= scan.length
        free = max(free, scan.live_from())
    for match in scan.finish():
        assert match.rule not in indices or match.start >= free
    assert scan.live_from() == len(text)


def continuations(drawn: Drawn, indices: frozenset[int], text: str) -> list[str]:
    """Every way in which the text could go on to complete an acting rule, found from the rules alone."""
    tight, letters = oracle.tight_text(text), "".join(letter.char for letter in oracle.plain(text))
    found = [""]
    for index in indices:
        for form in set().union(*map(oracle.forms, drawn.rules[index].literals)):
            for size in range(1, len(form)):
                if tight.endswith(form[:size].rstrip(" ")):
                    found += [form[size:], " " + form[size:]]
        for word in drawn.words[index]:
            found += [word[size:] for size in range(1, len(word)) if letters.endswith(word[:size])]
    return found


@CASES
@given(st.data(), rule_lists())
def test_what_is_live_can_be_completed(data: st.DataObject, drawn: Drawn) -> None:
    text = data.draw(texts_about(drawn.rules, 12))
    text = "".join(character for character in text if oracle.FOLD.plain(character) in {*"赌博kis1 ,", ""})
    matcher = matcher_of(drawn)
    indices = data.draw(st.frozensets(st.sampled_from(range(len(drawn.rules))), min_size=1))
    scan = matcher.stream(matcher.acting(indices))
    delivered = set()
    for character in text:
        delivered |= set(scan.feed(character))
        live = scan.live_from()
        if live == scan.length:
            continue
        fed = text[: scan.length]
        assert any(
            start == live and rule in indices and (start, end, rule) not in delivered
            for more in continuations(drawn, indices, fed)
            for start, end, rule in oracle.matches(drawn.rules, fed + more)
        ), f"{fed!r} is held from {live} for nothing"
