"""The rows of conversations, and nothing else: what `conversations` reads and writes, inside units and queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from zhengming.accounts.fingerprints import Point
from zhengming.store.tx import Row, Tx

_SIZES: Final = (4, 16, 64, 256)
"""Lengths of IN lists: few, so that both databases meet the same few statements again."""

_KNOWN: Final = "n.node, n.instructions, n.length, n.conversation_id, n.rules_version, n.followed"
_LOOKUPS: Final = {
    size: f"SELECT {_KNOWN} FROM conversation_node n WHERE n.node IN ({', '.join(f':n{i}' for i in range(size))})"
    for size in _SIZES
}
_INSERT_NODE: Final = (
    "INSERT INTO conversation_node (node, conversation_id, parent, followed, instructions, length, rules_version,"
    " seen_at) VALUES (:node, :conversation_id, :parent, 0, :instructions, :length, :rules_version, :seen_at)"
    " ON CONFLICT (node) DO UPDATE SET followed = CASE WHEN conversation_node.conversation_id ="
    " excluded.conversation_id THEN conversation_node.followed ELSE 0 END,"
    " conversation_id = excluded.conversation_id, parent = excluded.parent,"
    " instructions = excluded.instructions, length = excluded.length, rules_version = excluded.rules_version,"
    " seen_at = excluded.seen_at"
)
_FOLLOW: Final = (
    "UPDATE conversation_node SET followed = 1"
    " WHERE node = :node AND conversation_id = :conversation_id AND followed = 0"
)


class Known(NamedTuple):
    """A reply of ours that is known by its fingerprint.

    `rules_version` is that under which everything up to the reply passed unchanged, empty when something did not;
    `followed` says that something has followed the reply since it came to its conversation.
    """

    point: Point
    conversation_id: str
    rules_version: str
    followed: bool


class NewNode(NamedTuple):
    """A reply of ours to be known from now on; `parent` is the node of the reply before, None at a beginning."""

    point: Point
    conversation_id: str
    parent: bytes | None
    rules_version: str
    seen_at: int


def lookup(tx: Tx, nodes: Sequence[bytes]) -> dict[bytes, Known]:
    """Read those of the nodes that are known, at most 256 of them."""
    if not nodes:
        return {}
    size = next(one for one in _SIZES if one >= len(nodes))
    padded = [*nodes, *[nodes[0]] * (size - len(nodes))]
    found = tx.rows(_LOOKUPS[size], {f"n{i}": node for i, node in enumerate(padded)})
    return {known.point.node: known for known in map(_known, found)}


def by_response(tx: Tx, response: bytes) -> Known | None:
    """Read the reply behind the digest of a response id, None when there is none."""
    row = tx.one(
        f"SELECT {_KNOWN} FROM conversation_response r JOIN conversation_node n ON n.node = r.node WHERE r.id = :id",
        {"id": response},
    )
    return None if row is None else _known(row)


def is_of(tx: Tx, conversation_id: str, service_id: str, person_id: str) -> bool:
    """Whether there is a conversation of this id, and it is this person's with this service."""
    found = tx.one(
        "SELECT 1 FROM conversation WHERE id = :id AND service_id = :service_id AND person_id = :person_id",
        {"id": conversation_id, "service_id": service_id, "person_id": person_id},
    )
    return found is not None


def begin(tx: Tx, conversation_id: str, *, service_id: str, person_id: str, origin: str, parent: str, now: int) -> None:
    """Make the row of a conversation unless it is there."""
    tx.run(
        "INSERT INTO conversation (id, service_id, person_id, origin, parent, created_at)"
        " VALUES (:id, :service_id, :person_id, :origin, :parent, :now) ON CONFLICT (id) DO NOTHING",
        {
            "id": conversation_id,
            "service_id": service_id,
            "person_id": person_id,
            "origin": origin,
            "parent": parent or None,
            "now": now,
        },
    )


def write(tx: Tx, nodes: Sequence[NewNode], response: bytes | None) -> None:
    """Write the nodes of a turn, and the digest of its response id, which stands for the first of them.

    A node that is there already belongs from now on to the conversation that showed it last.
    """
    if nodes and nodes[0].parent is not None:
        tx.run(_FOLLOW, {"node": nodes[0].parent, "conversation_id": nodes[0].conversation_id})
    for new in nodes:
        tx.run(
            _INSERT_NODE,
            {
                "node": new.point.node,
                "conversation_id": new.conversation_id,
                "parent": new.parent,
                "instructions": new.point.instructions,
                "length": new.point.length,
                "rules_version": new.rules_version,
                "seen_at": new.seen_at,
            },
        )
    if response is not None and nodes:
        tx.run(
            "INSERT INTO conversation_response (id, node, conversation_id, seen_at)"
            " VALUES (:id, :node, :conversation_id, :seen_at)"
            " ON CONFLICT (id) DO UPDATE SET node = excluded.node, conversation_id = excluded.conversation_id",
            {
                "id": response,
                "node": nodes[0].point.node,
                "conversation_id": nodes[0].conversation_id,
                "seen_at": nodes[0].seen_at,
            },
        )


def prune(tx: Tx, before: int, limit: int = 1_000) -> int:
    """Remove at most `limit` fingerprints and response ids last written before a time; return how many went.

    Call again while it returns more than 0: short units leave the writer free for turns. The conversations' own rows
    stay, for turns name them.
    """
    gone = 0
    for table, key in (("conversation_node", "node"), ("conversation_response", "id")):
        gone += tx.run(
            f"DELETE FROM {table} WHERE {key} IN"
            f" (SELECT {key} FROM {table} WHERE seen_at < :before ORDER BY seen_at LIMIT :limit)",
            {"before": before, "limit": limit},
        )
    return gone


def of_person(tx: Tx, person_id: str) -> frozenset[str]:
    """Read the ids of a person's conversations."""
    return frozenset(row[0] for row in tx.rows("SELECT id FROM conversation WHERE person_id = :id", {"id": person_id}))


def _known(row: Row) -> Known:
    return Known(Point(bytes(row[0]), bytes(row[1]), row[2]), row[3], row[4], bool(row[5]))
