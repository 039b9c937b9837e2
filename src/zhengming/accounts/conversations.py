"""Conversation identity: which conversation a turn belongs to, and how much of its history was screened before.

See ADR 0005 and docs/explanation/conversation-identity.md. A client may name the conversation, or the response it goes
on from; else the history itself tells, by the fingerprint of its longest beginning that ends in a reply of ours.

What a client claims is never believed: a reply that we did not give has no known fingerprint, so it is screened like
anything new. Conversation ids given by clients, and response ids, are digested together with service and person; naming
another person's conversation leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from zhengming.accounts import conversation_rows as rows
from zhengming.accounts.conversation_rows import Known, NewNode
from zhengming.accounts.fingerprints import Point, Trail, follow, mac, start
from zhengming.accounts.lru import Lru
from zhengming.core.ids import new_uuid
from zhengming.core.words import Word
from zhengming.store import Store
from zhengming.store.tx import Tx

CANDIDATES: Final = 256
"""How many of the latest replies of a history are looked up; an edit further back begins a new conversation."""

_NAME: Final = "c_"
_GIVEN_NAME: Final = re.compile(r"c_[0-9a-f]{32}")
_GIVEN_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Relation(Word):
    """How a turn stands to what came before."""

    NEW = "new", "The first turn of a conversation, or a history of which nothing is known."
    CONTINUED = "continued", "Goes on from a reply of ours that nothing had followed yet."
    BRANCHED = "branched", "Goes on from a reply of ours that something else had followed already."
    EDITED = "edited", "Begins as a known history and then holds replies that we did not give there."


class Origin(Word):
    """What told the conversation."""

    NAMED = "named", "The client gave an id in a header or in the metadata."
    RESPONSE = "response", "The client gave the id of the response that it goes on from."
    HISTORY = "history", "The fingerprint of the messages."


class Resolution(NamedTuple):
    """Where a turn belongs.

    `known_prefix` is how many of the request's leading messages passed unchanged under these rules before; the rest is
    to be screened. `parent` is the conversation from which this one was forked, else empty. `goes_on_from` is the node
    of the last known reply, None at a beginning; `tip` is the point after the last message. `fresh` says that this
    conversation has nothing yet after that reply.
    """

    conversation_id: str
    known_prefix: int
    relation: Relation
    parent: str
    origin: Origin
    service_id: str
    person_id: str
    rules_version: str
    goes_on_from: bytes | None
    tip: Point
    fresh: bool = True

    @property
    def begins(self) -> bool:
        """Whether the conversation begins with this turn."""
        return self.relation is Relation.NEW or self.parent != ""

    def open(self, tx: Tx, now: int) -> None:
        """Make the conversation's row in the unit that opens the turn; no statement unless the conversation begins."""
        if self.begins:
            rows.begin(
                tx,
                self.conversation_id,
                service_id=self.service_id,
                person_id=self.person_id,
                origin=self.origin,
                parent=self.parent,
                now=now,
            )


class Closing(NamedTuple):
    """What a finished turn leaves behind: the nodes of its replies and the digest of its response id."""

    turn: Resolution
    nodes: tuple[NewNode, ...]
    response: bytes | None

    def write(self, tx: Tx) -> None:
        """Write the rows in the unit that closes the turn."""
        rows.write(tx, self.nodes, self.response)


class _Owner(NamedTuple):
    service_id: str
    person_id: str
    rules_version: str


class _Option(NamedTuple):
    name: str  # the conversation that the client names, empty when its history tells
    trail: Trail


class _Found(NamedTuple):
    last: Known | None = None  # the latest reply that is known
    at_end: bool = False  # no reply stands after it
    screened: int = 0  # length of the longest beginning that passed under the rules of now
    named: bool = False  # the conversation that the client named exists


_NOTHING: Final = _Found()


class Conversations:
    """Resolves turns of one process: a bounded memory in front of the store, at most one read a turn, none for a first.

    `key` is secret and the same on every replica. `size` bounds the fingerprints in memory (about 400 bytes each); with
    0 every turn that has a history reads once, and `relation` is exact even when replicas share one conversation.
    """

    def __init__(self, store: Store, key: bytes, *, size: int = 100_000, new_id: Callable[[], str] = new_uuid) -> None:
        self._store = store
        self._key = key
        self._new_id = new_id
        self._nodes: Lru[bytes, Known] = Lru(size)
        self._responses: Lru[bytes, bytes] = Lru(size)
        self._owners: Lru[str, tuple[str, str]] = Lru(size)

    async def resolve(
        self,
        messages: Sequence[bytes],
        roles: Sequence[str],
        *,
        person_id: str,
        service_id: str,
        rules_version: str,
        explicit: str = "",
        previous_response: str = "",
        stand_in: bool = False,
    ) -> Resolution:
        """Return where a turn belongs.

        `messages` are in canonical form, labels of ours removed, one role each. `rules_version` names all that a
        verdict on the input depends on: rules, policy, audience. `stand_in` says that the person stands for the API
        key: whoever then goes another way from a shared beginning gets a conversation of their own, for it is likely
        another person. Raises what the store raises.
        """
        owner = _Owner(service_id, person_id, rules_version)
        if previous_response:
            before = await self._response(self._digest(owner, b"response", previous_response))
            if before is not None:
                trail = follow(self._key, before.point, messages, roles)
                found = self._after(before, trail, rules_version)
                return self._decide(owner, found, _Option("", trail), Origin.RESPONSE)
        options = self._options(owner, messages, roles, explicit)
        option, found = self._recall(owner, options) or await self._look_up(owner, options)
        if explicit:
            return self._decide(owner, found, option, Origin.NAMED)
        return self._decide(owner, found, option, Origin.HISTORY, fork=stand_in)

    def closing(
        self, turn: Resolution, replies: Sequence[bytes], *, clean: bool, now: int, response_id: str = ""
    ) -> Closing:
        """Return what a turn leaves behind: one node for each of its replies (several with `n` > 1).

        `replies` are the assistant messages that were really shown, as a client sends them back, in canonical form.
        `clean` says that every message of the history passed the input rules unchanged; otherwise the next turn belongs
        to this conversation all the same, but its history is screened again. `response_id` is what a client may name
        as `previous_response_id`.
        """
        version = turn.rules_version if clean else ""
        made: dict[bytes, NewNode] = {}
        for reply in replies:
            point = follow(self._key, turn.tip, (reply,), ("assistant",)).tip
            made[point.node] = NewNode(point, turn.conversation_id, turn.goes_on_from, version, now)
        response = None
        if response_id and made:
            owner = _Owner(turn.service_id, turn.person_id, version)
            response = self._digest(owner, b"response", response_id)
        return Closing(turn, tuple(made.values()), response)

    def remember(self, closing: Closing) -> None:
        """Take a turn's nodes into memory; call it after the unit that wrote them was committed."""
        for new in closing.nodes:
            node = new.point.node
            old = self._nodes.get(node)
            if old is not None and old.conversation_id == new.conversation_id:
                self._nodes.put(node, old._replace(point=new.point, rules_version=new.rules_version))
            elif closing.turn.fresh:
                self._nodes.put(node, Known(new.point, new.conversation_id, new.rules_version, followed=False))
            else:  # it may lie in the store already, with something that follows it
                self._nodes.drop(node)
            parent = None if new.parent is None else self._nodes.get(new.parent)
            if parent is not None and parent.conversation_id == new.conversation_id:
                self._nodes.put(parent.point.node, parent._replace(followed=True))
            self._owners.put(new.conversation_id, (closing.turn.service_id, closing.turn.person_id))
        if closing.response is not None:
            self._responses.put(closing.response, closing.nodes[0].point.node)

    def forget(self, conversation_ids: frozenset[str]) -> None:
        """Forget conversations whose person was erased."""
        self._nodes.drop_where(lambda known: known.conversation_id in conversation_ids)
        for conversation_id in conversation_ids:
            self._owners.drop(conversation_id)

    def _digest(self, owner: _Owner, purpose: bytes, text: str) -> bytes:
        parts = (owner.service_id.encode(), owner.person_id.encode(), text.encode("utf-8", "surrogatepass"))
        return mac(self._key, purpose, *parts)

    async def _response(self, response: bytes) -> Known | None:
        node = self._responses.get(response)
        known = None if node is None else self._nodes.get(node)
        if known is not None:
            return known
        known = await self._store.read(lambda tx: rows.by_response(tx, response))
        if known is not None:
            self._responses.put(response, known.point.node)
            self._nodes.put(known.point.node, known)
        return known

    def _after(self, before: Known, trail: Trail, rules_version: str) -> _Found:
        """Find replies after a response that the client named; memory only, since the one read was for the response."""
        found = _pick(trail.replies, self._nodes.get, rules_version)
        if found.last is None:
            found = found._replace(last=before, at_end=not trail.replies)
        return found._replace(screened=max(0, found.screened - before.point.length))

    def _options(
        self, owner: _Owner, messages: Sequence[bytes], roles: Sequence[str], explicit: str
    ) -> tuple[_Option, ...]:
        """Return what the client may mean: its own name for the conversation, or first the id that we answered with."""

        def option(name: str, chain: str) -> _Option:
            begin = start(self._key, owner.service_id, owner.person_id, chain)
            return _Option(name, follow(self._key, begin, messages, roles))

        if not explicit:
            return (option("", ""),)
        digest = _NAME + self._digest(owner, b"named", explicit).hex()
        if _GIVEN_NAME.fullmatch(explicit):
            return option(explicit, explicit), option(digest, digest)
        if _GIVEN_ID.fullmatch(explicit):
            return option(explicit, ""), option(digest, digest)
        return (option(digest, digest),)

    def _recall(self, owner: _Owner, options: Sequence[_Option]) -> tuple[_Option, _Found] | None:
        """Find an option in memory; None when the store has to be asked."""
        for option in options:
            if option.name and self._owners.get(option.name) != (owner.service_id, owner.person_id):
                continue
            replies = option.trail.replies[-CANDIDATES:]
            if not replies:
                return option, _NOTHING._replace(named=bool(option.name))
            if self._nodes.get(replies[-1].node) is not None:
                return option, _pick(replies, self._nodes.get, owner.rules_version)._replace(named=bool(option.name))
        return None

    async def _look_up(self, owner: _Owner, options: Sequence[_Option]) -> tuple[_Option, _Found]:
        """Find the first option that is this person's, else the last; one read."""

        def query(tx: Tx) -> tuple[_Option, bool, dict[bytes, Known]]:
            owned = (one for one in options if one.name and rows.is_of(tx, one.name, owner.service_id, owner.person_id))
            meant = next(owned, None)
            chosen = meant or options[-1]
            known = rows.lookup(tx, [reply.node for reply in chosen.trail.replies[-CANDIDATES:]])
            return chosen, meant is not None, known

        option, named, known = await self._store.read(query)
        found = _pick(option.trail.replies[-CANDIDATES:], known.get, owner.rules_version)
        if found.last is not None:
            self._nodes.put(found.last.point.node, found.last)
        if named:
            self._owners.put(option.name, (owner.service_id, owner.person_id))
        return option, found._replace(named=named)

    def _decide(
        self, owner: _Owner, found: _Found, option: _Option, origin: Origin, *, fork: bool = False
    ) -> Resolution:
        last = found.last
        relation = _relation(found, option.trail)
        conversation_id = option.name or ("" if last is None else last.conversation_id)
        parent = ""  # a fork inherits nothing: its care state begins anew, so its whole history is looked at again
        if fork and relation in (Relation.BRANCHED, Relation.EDITED):
            parent, conversation_id = conversation_id, ""
        goes_on = relation is Relation.CONTINUED and last is not None and last.conversation_id == conversation_id
        return Resolution(
            conversation_id=conversation_id or self._new_id(),
            known_prefix=0 if parent else found.screened,
            relation=relation,
            parent=parent,
            origin=origin,
            service_id=owner.service_id,
            person_id=owner.person_id,
            rules_version=owner.rules_version,
            goes_on_from=None if last is None else last.point.node,
            tip=option.trail.tip,
            fresh=goes_on or parent != "" or relation is Relation.NEW,
        )


def _pick(replies: Sequence[Point], known: Callable[[bytes], Known | None], rules_version: str) -> _Found:
    """Return the latest known reply, and the longest beginning that passed unchanged under these rules."""
    last: Known | None = None
    at_end = False
    for reply in reversed(replies):
        found = known(reply.node)
        if found is None:
            continue
        if last is None:
            last, at_end = found, reply is replies[-1]
        if found.rules_version == rules_version and found.point.instructions == reply.instructions:
            return _Found(last, at_end, reply.length)
    return _Found(last, at_end)


def _relation(found: _Found, trail: Trail) -> Relation:
    if found.last is not None:
        if not found.at_end:
            return Relation.EDITED
        return Relation.BRANCHED if found.last.followed else Relation.CONTINUED
    if not found.named:
        return Relation.NEW
    return Relation.EDITED if trail.replies else Relation.CONTINUED
