"""A real address for every page of the table: its parameters filled with what lies in the seeded console."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from tests.gateway.served import Served

from zhengming.core.words import Role

_OWNER: Final = (Role.OWNER,)


def _one(site: Served, sql: str) -> str:
    return str(site.rows(sql)[0][0])


def _stopped(site: Served) -> str:
    return _one(site, "SELECT id FROM turn WHERE outcome = 'stopped' ORDER BY id LIMIT 1")


FILLED: Final[Mapping[str, Callable[[Served], str]]] = {
    "/turns/{turn_id}": _stopped,
    "/playground/turns/{turn_id}": _stopped,
    "/conversations/{conversation_id}": lambda site: _one(
        site, "SELECT conversation_id FROM turn GROUP BY conversation_id ORDER BY count(*) DESC LIMIT 1"
    ),
    "/services/{service_id}": lambda site: _one(site, "SELECT id FROM service ORDER BY name LIMIT 1"),
    "/switches/{switch_id}": lambda site: _one(site, "SELECT id FROM switch LIMIT 1"),
    "/keys/{key_id}": lambda site: _one(site, "SELECT id FROM api_key LIMIT 1"),
    "/rules/{rule_id}": lambda site: site.gateway.rules.ruling.matcher.rules.rules[0].id,
    "/staff/{staff_id}": lambda site: _one(site, "SELECT id FROM staff LIMIT 1"),
    "/ledger/entries/{entry}": lambda _site: "0",
}


def place(site: Served, path: str) -> tuple[str, tuple[Role, ...]]:
    """Return the address of a page and who opens it. Fails for a parameter that this table does not know."""
    if "{" not in path:
        return path, _OWNER
    known = re.sub(r":\w+\}", "}", path)
    for pattern, fill in FILLED.items():
        if known == pattern or known.startswith(f"{pattern}/"):
            return known.replace(pattern[pattern.index("{") :], fill(site)), _OWNER
    message = f"no address for {path}: add it to {__name__}"
    raise AssertionError(message)
