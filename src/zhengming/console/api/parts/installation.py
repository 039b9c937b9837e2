"""The installation: what runs here, and the words that rows and entries are written in."""

from __future__ import annotations

import platform
from typing import Final

from pydantic import Field

from zhengming.accounts.reports import ReportKind
from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.values import Answer, Time, moment
from zhengming.core import words
from zhengming.core.i18n import translate
from zhengming.core.words import Permission
from zhengming.gateway.records import Ending

_KINDS: Final = (
    words.Category,
    words.Verdict,
    words.Surface,
    words.Audience,
    words.ServiceKind,
    words.CareAxis,
    words.LabelPlacement,
    words.SwitchKind,
    words.EventType,
    words.Permission,
    words.Role,
    Ending,
    ReportKind,
)


class About(Answer):
    """What runs here."""

    product: str = Field(examples=["Zhengming"])
    version: str
    python: str
    database: str = Field(description="`SQLite` or `PostgreSQL`.")
    shared_limits: bool = Field(description="Whether limits are counted in Redis, for several processes.")
    instance: str = Field(description="The process that answered.")
    started_at: Time
    rules_version: str = Field(description="Rules and policy in force.")


class Member(Answer):
    """One word and its meaning."""

    value: str | int
    name: str
    meaning: str


class Kind(Answer):
    """One enumeration."""

    name: str = Field(examples=["Verdict"])
    meaning: str
    members: list[Member]


class Words(Answer):
    """Every enumeration; the ids are stable."""

    kinds: list[Kind]


async def get_about(call: Asking) -> About:
    """Read what runs here."""
    facts = call.console.facts
    return About(
        product="Zhengming",
        version=facts.version,
        python=platform.python_version(),
        database=facts.database,
        shared_limits=facts.shared_limits,
        instance=call.gateway.instance,
        started_at=moment(facts.started_at),
        rules_version=call.gateway.rules.ruling.version,
    )


async def get_words(call: Asking) -> Words:
    """Read every enumeration."""
    del call  # asked for by the guard, of no use here
    kinds = [
        Kind(
            name=kind.__name__,
            meaning=_first_line(kind.__doc__),
            members=[Member(value=one.value, name=one.name.lower(), meaning=one.meaning) for one in kind],
        )
        for kind in _KINDS
    ]
    levels = [
        Member(value=int(one), name=one.name.lower(), meaning=translate("words", f"CareLevel.{int(one)}.meaning", "en"))
        for one in words.CareLevel
    ]
    care = Kind(name="CareLevel", meaning=_first_line(words.CareLevel.__doc__), members=levels)
    return Words(kinds=[*kinds, care])


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


OPERATIONS: Final = (
    Operation("GET", "/about", Permission.SEE_OVERVIEW, get_about, "What runs here: versions, database, process."),
    Operation("GET", "/words", Permission.SEE_OVERVIEW, get_words, "Every id that rows, entries and this API use."),
)
