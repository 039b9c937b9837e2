"""Who may do what: the one table of roles. What a role is not given here, it may not do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from zhengming.core.words import Permission, Role

_EVERYONE: Final = frozenset({Permission.OWN_ACCOUNT, Permission.SEE_OVERVIEW, Permission.SEE_RULES})
_LOOKING: Final = frozenset(
    {
        Permission.SEE_OVERVIEW,
        Permission.SEE_TURNS,
        Permission.SEE_SERVICES,
        Permission.SEE_KEYS,
        Permission.SEE_UPSTREAMS,
        Permission.SEE_SWITCHES,
        Permission.SEE_RULES,
        Permission.SEE_LEDGER,
        Permission.SEE_HEALTH,
    }
)

ROLES: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: frozenset(Permission),
    Role.ENGINEER: _EVERYONE
    | _LOOKING
    | {
        Permission.USE_PLAYGROUND,
        Permission.CHANGE_SERVICES,
        Permission.CHANGE_KEYS,
        Permission.SET_SWITCHES,
        Permission.CHECK_LEDGER,
        Permission.MANAGE_TOKENS,
    },
    Role.REVIEWER: _EVERYONE | {Permission.SEE_TURNS, Permission.REVEAL_TEXTS, Permission.USE_PLAYGROUND},
    Role.COMPLIANCE: _EVERYONE
    | _LOOKING
    | {
        Permission.REVEAL_TEXTS,
        Permission.USE_PLAYGROUND,
        Permission.SET_SWITCHES,
        Permission.CHECK_LEDGER,
        Permission.SEE_STAFF,
        Permission.MANAGE_TOKENS,
    },
    Role.AUDITOR: _EVERYONE | _LOOKING | {Permission.SEE_STAFF},
}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return what someone with these roles may do; nothing without a role."""
    return frozenset().union(*(ROLES[role] for role in roles))
