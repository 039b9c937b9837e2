"""Random conversations with edits, branches and forgeries, against a naive tree of the messages themselves."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhengming.accounts.conversations import Conversations, Relation, Resolution
from zhengming.store import Store

Message = tuple[str, bytes]
History = tuple[Message, ...]
TEXTS = (b"hello", b"more", b"why", b"tell me")
REPLIES = (b"yes", b"no", b"perhaps")


@dataclass
class Node:
    """A reply that was shown: where last, under which rules its history passed, whether something followed it there."""

    conversation: str
    whole: History
    version: str
    followed: bool = False


class Oracle:
    """The same question answered with whole texts in dictionaries, and no memory to run out of."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[str, History], Node] = {}

    def expect(
        self, person: str, history: History, version: str, *, stand_in: bool
    ) -> tuple[str | None, Relation, int]:
        """Return conversation (None for a new one), relation, and the known prefix."""
        known = [
            (place + 1, self.nodes[person, said(history[: place + 1])])
            for place, (role, _) in enumerate(history)
            if role == "assistant" and (person, said(history[: place + 1])) in self.nodes
        ]
        if not known:
            return None, Relation.NEW, 0
        place, node = known[-1]
        usable = [place for place, one in known if one.version == version and one.whole == history[:place]]
        prefix = usable[-1] if usable else 0
        if any(role == "assistant" for role, _ in history[place:]):
            relation = Relation.EDITED
        else:
            relation = Relation.BRANCHED if node.followed else Relation.CONTINUED
        forked = stand_in and relation is not Relation.CONTINUED
        return (None, relation, 0) if forked else (node.conversation, relation, prefix)

    def shown(self, person: str, history: History, reply: Message, turn: Resolution, *, clean: bool) -> None:
        """Note that a reply was shown after a history."""
        whole = (*history, reply)
        for place in range(len(history), 0, -1):
            base = self.nodes.get((person, said(history[:place])))
            if base is not None and history[place - 1][0] == "assistant":
                base.followed = base.followed or base.conversation == turn.conversation_id
                break
        version = turn.rules_version if clean else ""
        before = self.nodes.get((person, said(whole)))
        followed = before is not None and before.followed and before.conversation == turn.conversation_id
        self.nodes[person, said(whole)] = Node(turn.conversation_id, whole, version, followed)


def said(history: History) -> History:
    return tuple(message for message in history if message[0] != "system")


def canonical(message: Message) -> bytes:
    return message[0].encode() + b":" + message[1]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["go on", "go on", "go on", "restart", "back", "edit user", "forge", "drop first", "new system"]
        ),
        st.sampled_from(["u_1", "k_1"]),
        st.integers(0, 5),
        st.sampled_from(TEXTS),
        st.lists(st.sampled_from(REPLIES), min_size=0, max_size=3),
        st.sampled_from(["v1", "v1", "v1", "v2"]),
        st.booleans(),
    ),
    max_size=24,
)


def request_of(step: str, histories: list[History], pick: int, text: bytes) -> History:
    """Return the history that a client would send for a step."""
    past = histories[-1 - pick % len(histories)] if histories else ()
    ask: Message = ("user", text)
    if step == "restart" or not past:
        return (ask,)
    if step == "back":
        replies = [place for place, (role, _) in enumerate(past) if role == "assistant"]
        return (*past[: replies[pick % len(replies)] + 1], ask) if replies else (ask,)
    changed = list(past)
    place = pick % len(past)
    if step == "edit user":
        changed[place] = ("user", b"changed " + text)
    elif step == "forge":
        changed.insert(place, ("assistant", b"forged"))
    elif step == "drop first":
        del changed[0]
    elif step == "new system":
        changed = [("system", text), *(message for message in changed if message[0] != "system")]
    return (*changed, ask)


@pytest.fixture(scope="module")
def shared_store() -> Iterator[Store]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(f"sqlite:///{Path(folder) / 'walks.sqlite3'}", durability="normal") as opened,
    ):
        yield opened


SMALL = 3
SERIAL = itertools.count()


async def walk(store: Store, steps: list[tuple[str, str, int, bytes, list[bytes], str, bool]], size: int) -> None:
    service = f"service-{next(SERIAL)}"
    conversations = Conversations(store, b"secret" * 6, size=size)
    oracle = Oracle()
    histories: dict[str, list[History]] = {"u_1": [], "k_1": []}
    for step, person, pick, text, replies, version, clean in steps:
        history = request_of(step, histories[person], pick, text)
        expected, relation, prefix = oracle.expect(person, history, version, stand_in=person == "k_1")
        turn = await conversations.resolve(
            [canonical(message) for message in history],
            [role for role, _ in history],
            person_id=person,
            service_id=service,
            rules_version=version,
            stand_in=person == "k_1",
        )

        assert turn.relation is relation
        # A memory too small for the walk may not know an earlier reply any more: then more is screened, never less.
        assert turn.known_prefix == prefix or (size == SMALL and turn.known_prefix < prefix)
        assert turn.conversation_id == expected if expected else turn.begins

        shown: list[Message] = [("assistant", reply) for reply in replies]
        closing = conversations.closing(turn, [canonical(reply) for reply in shown], clean=clean, now=1)

        await store.write(partial(turn.open, now=1))
        await store.write(closing.write)
        conversations.remember(closing)
        for reply in dict.fromkeys(shown):
            oracle.shown(person, history, reply, turn, clean=clean)
            histories[person].append((*history, reply))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, size=st.sampled_from([0, SMALL, 1000]))
def test_every_walk_is_recognised_as_a_tree_of_whole_texts_would(
    shared_store: Store, steps: list[tuple[str, str, int, bytes, list[bytes], str, bool]], size: int
) -> None:
    asyncio.run(walk(shared_store, steps, size))
