"""Fingerprints fix a history; instructions stand beside it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zhengming.accounts.fingerprints import NO_INSTRUCTIONS, Point, follow, mac, start

KEY = b"k" * 32
ROLES = ("system", "developer", "user", "assistant", "tool")
HISTORIES = st.lists(st.tuples(st.sampled_from(ROLES), st.binary(max_size=4)), max_size=8)


def tip(history: list[tuple[str, bytes]], key: bytes = KEY, explicit: str = "") -> Point:
    begin = start(key, "service", "person", explicit)
    return follow(key, begin, [text for _, text in history], [role for role, _ in history]).tip


def said(history: list[tuple[str, bytes]]) -> list[bytes]:
    return [text for role, text in history if role not in ("system", "developer")]


def instructed(history: list[tuple[str, bytes]]) -> list[tuple[int, bytes]]:
    return [(place, text) for place, (role, text) in enumerate(history) if role in ("system", "developer")]


@given(HISTORIES, HISTORIES)
def test_two_histories_share_a_node_exactly_when_the_same_was_said(
    one: list[tuple[str, bytes]], other: list[tuple[str, bytes]]
) -> None:
    assert (tip(one).node == tip(other).node) == (said(one) == said(other))
    assert (tip(one).instructions == tip(other).instructions) == (instructed(one) == instructed(other))


@given(HISTORIES, st.integers(0, 8))
def test_a_history_may_be_followed_in_two_steps(history: list[tuple[str, bytes]], cut: int) -> None:
    whole = follow(KEY, start(KEY, "s", "p"), [text for _, text in history], [role for role, _ in history])
    first, rest = history[:cut], history[cut:]
    half = follow(KEY, start(KEY, "s", "p"), [text for _, text in first], [role for role, _ in first])
    joined = follow(KEY, half.tip, [text for _, text in rest], [role for role, _ in rest])

    assert (*half.replies, *joined.replies) == whole.replies
    assert joined.tip == whole.tip


def test_each_reply_is_a_point_with_the_number_of_messages_up_to_it() -> None:
    trail = follow(
        KEY,
        start(KEY, "s", "p"),
        [b"a", b"b", b"c", b"d", b"e"],
        ["system", "user", "assistant"] * 1
        + [
            "user",
            "assistant",
        ],
    )

    assert [reply.length for reply in trail.replies] == [3, 5]
    assert trail.replies[-1] == trail.tip


def test_service_person_name_and_key_each_begin_a_chain_of_their_own() -> None:
    begins = {
        start(KEY, "s", "p").node,
        start(KEY, "s", "q").node,
        start(KEY, "t", "p").node,
        start(KEY, "s", "p", "named").node,
        start(b"other", "s", "p").node,
        start(KEY, "sp", "").node,
    }

    assert len(begins) == 6
    assert start(KEY, "s", "p").instructions == NO_INSTRUCTIONS


def test_a_digest_of_parts_knows_where_each_part_ends() -> None:
    assert mac(KEY, b"ab", b"c") != mac(KEY, b"a", b"bc")
    assert mac(KEY, b"ab", b"") != mac(KEY, b"ab")


def test_a_conversation_id_with_a_lone_surrogate_is_an_id_like_any_other() -> None:
    assert start(KEY, "s", "p", "\ud800").node != start(KEY, "s", "p", "\ud801").node
