"""What is in force now: services, keys and switches as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from zhengming.accounts import keys, service, switches
from zhengming.accounts.profiles import ServiceProfile
from zhengming.accounts.switches import Standing
from zhengming.store.tx import Tx
from zhengming.store.versions import versions


class Grant(NamedTuple):
    """What an API key opens: its service and its scopes."""

    key_id: str
    service: ServiceProfile
    scopes: frozenset[str]


class LiveKey(NamedTuple):
    """A key that is not revoked, with the digest under which it is looked up."""

    digest: bytes
    id: str
    service_id: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Services by id, grants by the digest of the key, switches by kind; `versions` says which state this is."""

    versions: Mapping[str, int] = field(default_factory=dict)
    services: Mapping[str, ServiceProfile] = field(default_factory=dict)
    live: tuple[LiveKey, ...] = ()
    grants: Mapping[bytes, Grant] = field(default_factory=dict)
    switches: Standing = field(default_factory=dict)

    def named(self, name: str) -> ServiceProfile | None:
        """Return the service of a name, None when there is none."""
        return next((one for one in self.services.values() if one.name == name), None)


def load(tx: Tx, before: Snapshot, now: int) -> Snapshot:
    """Return the state in force, reading only the parts whose version rose since `before`.

    Returns `before` itself when nothing rose. Versions are read first: a part read a moment later may be newer than its
    number, never older, so nothing is missed.
    """
    found = versions(tx)
    rose = {name for name in (service.VERSION, keys.VERSION, switches.VERSION) if _differs(found, before, name)}
    if not rose:
        return before
    services = before.services
    if service.VERSION in rose:
        services = {one.id: one for one in service.list_all(tx)}
    live = _live(tx) if keys.VERSION in rose else before.live
    grants = before.grants if rose == {switches.VERSION} else _grants(live, services)
    standing = switches.load(tx, now) if switches.VERSION in rose else before.switches
    return Snapshot(versions=found, services=services, live=live, grants=grants, switches=standing)


def _differs(found: Mapping[str, int], before: Snapshot, name: str) -> bool:
    return found.get(name, 0) != before.versions.get(name, 0)


def _live(tx: Tx) -> tuple[LiveKey, ...]:
    found = tx.rows("SELECT digest, id, service_id, scopes FROM api_key WHERE revoked_at IS NULL")
    return tuple(LiveKey(bytes(row[0]), row[1], row[2], frozenset(row[3].split())) for row in found)


def _grants(live: tuple[LiveKey, ...], services: Mapping[str, ServiceProfile]) -> dict[bytes, Grant]:
    return {
        one.digest: Grant(one.id, services[one.service_id], one.scopes) for one in live if one.service_id in services
    }
