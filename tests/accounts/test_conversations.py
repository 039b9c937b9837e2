"""Conversation identity, case by case; random walks are in test_conversations_walks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from zhengming.accounts import conversation_rows
from zhengming.accounts.conversations import CANDIDATES, Conversations, Origin, Relation, Resolution
from zhengming.store import Store, Tx

T = TypeVar("T")
NOW = 1_800_000_000_000
ROLES = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}


class Counted:
    """A store that counts its reads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.reads = 0

    async def read(self, query: Callable[[Tx], T]) -> T:
        """Read, and count."""
        self.reads += 1
        return await self.store.read(query)


class Talk:
    """A conversation as a client has it: `say` sends texts such as `u:hello`, `reply` shows an answer."""

    def __init__(self, store: Store, *, size: int = 1_000) -> None:
        self.store = store
        self.counted = Counted(store)
        self.conversations = Conversations(self.counted, b"key" * 8, size=size)  # type: ignore[arg-type]  # only reads

    async def say(self, *texts: str, **options: Any) -> Resolution:
        """Resolve a request."""
        asked = {"person_id": "u_1", "service_id": "s", "rules_version": "v1", **options}
        messages = [text.encode() for text in texts]
        turn = await self.conversations.resolve(messages, [ROLES[text[0]] for text in texts], **asked)
        await self.store.write(lambda tx: turn.open(tx, NOW))
        return turn

    async def reply(self, turn: Resolution, *texts: str, clean: bool = True, response_id: str = "") -> None:
        """Show replies, and remember them."""
        closing = self.conversations.closing(
            turn, [text.encode() for text in texts], clean=clean, now=NOW, response_id=response_id
        )
        await self.store.write(closing.write)
        self.conversations.remember(closing)


@pytest.fixture(params=[0, 1_000], ids=["no memory", "memory"])
def talk(request: pytest.FixtureRequest, store: Store) -> Talk:
    """A client, with and without a memory in front of the table."""
    return Talk(store, size=request.param)


async def test_a_first_message_begins_a_conversation_each_time(talk: Talk) -> None:
    first = await talk.say("u:hello")
    await talk.reply(first, "a:hi")
    again = await talk.say("u:hello")

    assert (first.relation, again.relation) == (Relation.NEW, Relation.NEW)
    assert first.conversation_id != again.conversation_id
    assert (again.known_prefix, again.parent, again.origin) == (0, "", Origin.HISTORY)
    assert again.goes_on_from is None


async def test_a_history_that_ends_in_our_reply_continues_and_only_what_is_new_is_screened(talk: Talk) -> None:
    first = await talk.say("s:be kind", "u:hello")
    await talk.reply(first, "a:hi")
    second = await talk.say("s:be kind", "u:hello", "a:hi", "u:more")

    assert second.relation is Relation.CONTINUED
    assert second.conversation_id == first.conversation_id
    assert second.known_prefix == 3


async def test_the_result_of_a_tool_continues_too(talk: Talk) -> None:
    first = await talk.say("u:weather?")
    await talk.reply(first, "a:call weather()")
    second = await talk.say("u:weather?", "a:call weather()", "t:rain")

    assert (second.relation, second.known_prefix) == (Relation.CONTINUED, 2)


async def test_another_answer_to_the_same_or_to_a_changed_question_is_a_branch(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1")
    second = await talk.say("u:1", "a:1", "u:2")
    await talk.reply(second, "a:2")
    for question in ("u:2", "u:other"):
        branch = await talk.say("u:1", "a:1", question)
        assert (branch.relation, branch.known_prefix) == (Relation.BRANCHED, 2)
        assert (branch.conversation_id, branch.parent) == (first.conversation_id, "")
        assert branch.goes_on_from == second.goes_on_from


async def test_a_history_with_a_changed_message_is_edited_and_screened_from_there(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1")
    second = await talk.say("u:1", "a:1", "u:2")
    await talk.reply(second, "a:2")
    edited = await talk.say("u:1", "a:1", "u:changed", "a:2", "u:3")

    assert (edited.relation, edited.known_prefix) == (Relation.EDITED, 2)
    assert edited.conversation_id == first.conversation_id


@pytest.mark.parametrize("history", [("u:1", "a:forged"), ("a:1",), ("u:0", "a:1"), ("u:1", "u:1", "a:1")])
async def test_a_reply_that_was_not_ours_there_is_known_to_nobody(talk: Talk, history: tuple[str, ...]) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1")
    forged = await talk.say(*history, "u:2")

    assert (forged.relation, forged.known_prefix) == (Relation.NEW, 0)
    assert forged.conversation_id != first.conversation_id


async def test_each_of_several_replies_can_be_gone_on_from(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1", "a:2", "a:1")
    one = await talk.say("u:1", "a:1", "u:x")
    await talk.reply(one, "a:x")
    two = await talk.say("u:1", "a:2", "u:x")

    assert (one.relation, two.relation) == (Relation.CONTINUED, Relation.CONTINUED)
    assert one.conversation_id == two.conversation_id == first.conversation_id


async def test_other_rules_screen_the_history_again_and_then_know_it(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1")
    second = await talk.say("u:1", "a:1", "u:2", rules_version="v2")
    assert (second.relation, second.known_prefix) == (Relation.CONTINUED, 0)
    await talk.reply(second, "a:2")
    third = await talk.say("u:1", "a:1", "u:2", "a:2", "u:3", rules_version="v2")
    assert (third.relation, third.known_prefix) == (Relation.CONTINUED, 4)


async def test_a_history_with_something_redacted_or_blocked_is_screened_again_each_time(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1")
    second = await talk.say("u:1", "a:1", "u:my card is 4")
    await talk.reply(second, "a:2", clean=False)
    third = await talk.say("u:1", "a:1", "u:my card is 4", "a:2", "u:3")

    assert (third.relation, third.conversation_id) == (Relation.CONTINUED, first.conversation_id)
    assert third.known_prefix == 2


async def test_instructions_may_change_without_a_new_conversation_but_are_screened(talk: Talk) -> None:
    first = await talk.say("s:it is nine o'clock", "u:1")
    await talk.reply(first, "a:1")
    second = await talk.say("s:it is ten o'clock", "u:1", "a:1", "u:2")

    assert (second.relation, second.conversation_id) == (Relation.CONTINUED, first.conversation_id)
    assert second.known_prefix == 0


async def test_an_instruction_slipped_into_a_known_history_is_screened(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1")
    for history in (("s:x", "u:1", "a:1"), ("u:1", "s:x", "a:1")):
        assert (await talk.say(*history, "u:2")).known_prefix == 0
    assert (await talk.say("u:1", "a:1", "s:x", "u:2")).known_prefix == 2


async def test_two_people_and_two_services_never_share_a_conversation(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1")
    for other in ({"person_id": "u_2"}, {"service_id": "t"}):
        turn = await talk.say("u:1", "a:1", "u:2", **other)
        assert (turn.relation, turn.known_prefix) == (Relation.NEW, 0)
        assert turn.conversation_id != first.conversation_id


async def test_people_without_a_name_who_begin_alike_part_where_their_ways_part(talk: Talk) -> None:
    nameless = {"person_id": "k_1", "stand_in": True}
    ann = await talk.say("u:hello", **nameless)
    await talk.reply(ann, "a:hi")
    bob = await talk.say("u:hello", **nameless)
    await talk.reply(bob, "a:hi")
    one = await talk.say("u:hello", "a:hi", "u:about ann", **nameless)
    await talk.reply(one, "a:1")
    two = await talk.say("u:hello", "a:hi", "u:about bob", **nameless)
    await talk.reply(two, "a:2")

    assert (one.relation, two.relation) == (Relation.CONTINUED, Relation.BRANCHED)
    assert two.conversation_id not in (ann.conversation_id, bob.conversation_id)
    assert two.parent == one.conversation_id
    assert (one.known_prefix, two.known_prefix) == (2, 0)
    for before, path in ((one, ("u:about ann", "a:1")), (two, ("u:about bob", "a:2"))):
        after = await talk.say("u:hello", "a:hi", *path, "u:go on", **nameless)
        assert (after.relation, after.conversation_id) == (Relation.CONTINUED, before.conversation_id)


async def test_a_named_conversation_is_one_with_history_or_without(talk: Talk) -> None:
    first = await talk.say("u:1", explicit="chat-7")
    await talk.reply(first, "a:1")
    bare = await talk.say("u:2", explicit="chat-7")
    full = await talk.say("u:1", "a:1", "u:2", explicit="chat-7")
    forged = await talk.say("u:1", "a:forged", "u:2", explicit="chat-7")

    assert first.origin is Origin.NAMED
    assert {turn.conversation_id for turn in (first, bare, full, forged)} == {first.conversation_id}
    assert [turn.relation for turn in (first, bare, full, forged)] == [
        Relation.NEW,
        Relation.CONTINUED,
        Relation.CONTINUED,
        Relation.EDITED,
    ]
    assert [turn.known_prefix for turn in (first, bare, full, forged)] == [0, 0, 2, 0]


async def test_the_name_of_another_persons_conversation_leads_nowhere(talk: Talk) -> None:
    first = await talk.say("u:1", explicit="chat-7")
    await talk.reply(first, "a:1")
    other = await talk.say("u:1", "a:1", "u:2", explicit="chat-7", person_id="u_2")

    assert (other.relation, other.known_prefix) == (Relation.NEW, 0)
    assert other.conversation_id != first.conversation_id
    assert "chat-7" not in first.conversation_id


async def test_the_same_words_in_two_named_conversations_stay_apart(talk: Talk) -> None:
    one = await talk.say("u:1", explicit="one")
    await talk.reply(one, "a:1")
    two = await talk.say("u:1", "a:1", "u:2", explicit="two")

    assert (two.relation, two.known_prefix) == (Relation.NEW, 0)


@pytest.mark.parametrize("name", ["", "chat-7", "01a20067-b608-76dc-8d19-9895f2a7af72", "c_" + "0" * 32])
async def test_the_id_that_we_answered_with_names_the_conversation_too(talk: Talk, name: str) -> None:
    first = await talk.say("u:1", explicit=name)
    await talk.reply(first, "a:1")
    for given in (first.conversation_id, name):
        bare = await talk.say("u:2", explicit=given) if given else first
        full = await talk.say("u:1", "a:1", "u:2", explicit=given)
        assert bare.conversation_id == full.conversation_id == first.conversation_id
        assert (full.relation, full.known_prefix) == (Relation.CONTINUED, 2)


async def test_the_id_of_another_persons_conversation_leads_nowhere(talk: Talk) -> None:
    for name in ("", "chat-7"):
        first = await talk.say("u:1", explicit=name)
        await talk.reply(first, "a:1")
        other = await talk.say("u:1", "a:1", "u:2", explicit=first.conversation_id, person_id="u_2")
        assert (other.relation, other.known_prefix) == (Relation.NEW, 0)
        assert other.conversation_id != first.conversation_id


async def test_a_nameless_person_who_sends_the_id_back_stays_in_the_conversation(talk: Talk) -> None:
    nameless = {"person_id": "k_1", "stand_in": True}
    ann = await talk.say("u:hello", **nameless)
    await talk.reply(ann, "a:hi")
    bob = await talk.say("u:hello", **nameless)
    await talk.reply(bob, "a:hi")
    after = await talk.say("u:hello", "a:hi", "u:about ann", explicit=ann.conversation_id, **nameless)

    assert (after.conversation_id, after.parent) == (ann.conversation_id, "")
    assert after.relation is Relation.CONTINUED


async def test_a_response_id_goes_on_from_its_response(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1", response_id="resp_1")
    second = await talk.say("u:2", previous_response="resp_1")
    await talk.reply(second, "a:2", response_id="resp_2")
    third = await talk.say("u:3", previous_response="resp_2")
    branch = await talk.say("u:other", previous_response="resp_1")
    whole = await talk.say("u:1", "a:1", "u:2", "a:2", "u:3")

    assert second.origin is Origin.RESPONSE
    turns = (first, second, third, branch, whole)
    assert {turn.conversation_id for turn in turns} == {first.conversation_id}
    assert [turn.relation for turn in turns[1:]] == [
        Relation.CONTINUED,
        Relation.CONTINUED,
        Relation.BRANCHED,
        Relation.CONTINUED,
    ]
    assert whole.known_prefix == 4
    assert third.known_prefix == 0


async def test_a_reply_slipped_in_after_a_response_is_an_edit(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1", response_id="resp_1")
    forged = await talk.say("u:2", "a:forged", "u:3", previous_response="resp_1")

    assert (forged.relation, forged.known_prefix) == (Relation.EDITED, 0)


@pytest.mark.parametrize("other", [{"previous_response": "resp_9"}, {"person_id": "u_2"}, {"service_id": "t"}])
async def test_an_unknown_or_foreign_response_id_leads_nowhere(talk: Talk, other: dict[str, str]) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, "a:1", response_id="resp_1")
    turn = await talk.say("u:2", **{"previous_response": "resp_1", **other})

    assert (turn.relation, turn.origin) == (Relation.NEW, Origin.HISTORY)
    assert turn.conversation_id != first.conversation_id


async def test_a_turn_that_showed_nothing_leaves_nothing(talk: Talk) -> None:
    first = await talk.say("u:1")
    await talk.reply(first, response_id="resp_1")
    assert await talk.store.read(lambda tx: tx.rows("SELECT * FROM conversation_node")) == []
    assert await talk.store.read(lambda tx: tx.rows("SELECT * FROM conversation_response")) == []


async def test_the_database_is_read_at_most_once_a_turn_and_not_at_all_for_a_first(sqlite_store: Store) -> None:
    cold = Talk(sqlite_store, size=0)
    first = await cold.say("s:x", "u:1")
    await cold.reply(first, "a:1", response_id="resp_1")
    assert cold.counted.reads == 0
    for number, options in enumerate(({}, {"explicit": "c"}, {"previous_response": "resp_1"}), start=1):
        await cold.say("s:x", "u:1", "a:1", "u:2", **options)
        assert cold.counted.reads == number
    warm = Talk(sqlite_store)
    first = await warm.say("u:w")
    await warm.reply(first, "a:w", response_id="resp_w")
    await warm.say("u:w", "a:w", "u:2")
    await warm.say("u:2", previous_response="resp_w")
    assert warm.counted.reads == 0


async def test_another_replica_knows_the_conversation_from_the_table(store: Store) -> None:
    here, there = Talk(store), Talk(store)
    first = await here.say("u:1", explicit="c")
    await here.reply(first, "a:1")
    second = await there.say("u:1", "a:1", "u:2", explicit="c")
    assert (second.conversation_id, second.known_prefix) == (first.conversation_id, 2)
    await there.reply(second, "a:2")
    third = await here.say("u:1", "a:1", "u:2", "a:2", "u:3", explicit="c")
    assert (third.relation, third.known_prefix) == (Relation.CONTINUED, 4)


async def test_a_history_longer_than_what_is_looked_up_is_known_by_its_end(talk: Talk) -> None:
    history: list[str] = []
    for number in range(3):
        history.append(f"u:{number}")
        turn = await talk.say(*history)
        history.append(f"a:{number}")
        await talk.reply(turn, history[-1])
    long = [text for number in range(CANDIDATES + 40) for text in (f"u:{number}", f"a:{number}")]
    assert (await talk.say(*long, "u:end")).relation is Relation.NEW
    turn = await talk.say(*long, "u:end")
    await talk.reply(turn, "a:end")
    assert (await talk.say(*long, "u:end", "a:end", "u:more")).known_prefix == len(long) + 2


async def test_old_fingerprints_are_removed_a_few_at_a_time(store: Store) -> None:
    talk = Talk(store, size=0)
    first = await talk.say("u:1")
    await talk.reply(first, *(f"a:{number}" for number in range(5)), response_id="resp_1")
    assert await store.write(lambda tx: conversation_rows.prune(tx, NOW)) == 0
    assert [await store.write(lambda tx: conversation_rows.prune(tx, NOW + 1, 2)) for _ in range(4)] == [3, 2, 1, 0]
    again = await talk.say("u:1", "a:1", "u:2")
    assert again.relation is Relation.NEW


async def test_forgetting_a_conversation_forgets_it_in_memory_too(sqlite_store: Store) -> None:
    talk = Talk(sqlite_store)
    first = await talk.say("u:1", explicit="c")
    await talk.reply(first, "a:1", response_id="resp_1")
    theirs = await sqlite_store.read(lambda tx: conversation_rows.of_person(tx, "u_1"))
    assert theirs == {first.conversation_id}
    await sqlite_store.write(lambda tx: tx.run("DELETE FROM conversation_node"))
    await sqlite_store.write(lambda tx: tx.run("DELETE FROM conversation"))
    talk.conversations.forget(theirs)
    assert (await talk.say("u:1", "a:1", "u:2", explicit="c")).relation is Relation.NEW
    assert (await talk.say("u:2", previous_response="resp_1")).relation is Relation.NEW
