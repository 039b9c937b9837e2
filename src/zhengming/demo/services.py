"""Services and keys of the demo traffic, made in the data folder and named so that nobody takes them for real ones."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zhengming.accounts import keys, service
from zhengming.accounts.opening import opened
from zhengming.accounts.profiles import LabelPolicy, Limits, ServiceProfile
from zhengming.core.words import Audience, LabelPlacement, ServiceKind
from zhengming.store import Tx

WHO: Final = "zhengming demo traffic"
_NOTE: Final = "demo traffic; revoked when it ends"
SERVICES: Final = {
    "": ServiceProfile(
        id="",
        name="demo-assistant",
        audiences=frozenset({Audience.ADULT, Audience.ELDER}),
        producer="demo",
    ),
    "companion": ServiceProfile(
        id="",
        name="demo-companion",
        kinds=frozenset({ServiceKind.COMPANION}),
        audiences=frozenset({Audience.TEEN, Audience.ADULT}),
        label=LabelPolicy(placement=LabelPlacement.START),
        producer="demo",
    ),
    "student": ServiceProfile(
        id="",
        name="demo-homework",
        audiences=frozenset({Audience.CHILD, Audience.TEEN}),
        label=LabelPolicy(placement=LabelPlacement.INTERFACE),
        producer="demo",
        limits=Limits(person_requests_per_minute=20),
    ),
}
"""By the kind of person that comes; `""` is for everybody else."""


@contextmanager
def demo_keys(data: Path, database: str = "") -> Iterator[Mapping[str, str]]:
    """Give a key of each demo service, by the kind of person, and revoke them at the end.

    The services stay, with the turns that went through them. A running server hears of both within a second.
    """
    secrets = {who: keys.new_secret() for who in SERVICES}

    def make(tx: Tx) -> list[str]:
        now = _now()
        there = {one.name: one for one in service.list_all(tx)}
        made = []
        for who, profile in SERVICES.items():
            found = there.get(profile.name) or service.create(tx, profile, who=WHO, why="demo traffic", now=now)
            made.append(
                keys.create(tx, found.id, who=WHO, now=now, secret=secrets[who], scopes=["chat"], note=_NOTE).key.id
            )
        return made

    def revoke(tx: Tx) -> None:
        for key_id in made:
            keys.revoke(tx, key_id, who=WHO, why="the demo traffic ended", now=_now())

    with opened(data, database) as store:
        made = store.write_sync(make)
    try:
        yield secrets
    finally:
        with opened(data, database) as store:
            store.write_sync(revoke)


def _now() -> int:
    return time.time_ns() // 1_000_000
