"""Turns that this very process asks for, such as the playground's: no key, no socket, the same way through everything.

A caller inside puts an :class:`Inside` into the ASGI scope under :data:`SCOPE_KEY`. Nobody outside can: a server makes
the scope, and a request fills only its known members.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zhengming.accounts.snapshot import Grant
from zhengming.gateway.http import Scope

SCOPE_KEY: Final = "zhengming.inside"
KEY_ID: Final = "playground"


@dataclass(frozen=True, slots=True)
class Inside:
    """`grant` stands in place of an API key; `watch` is told after each streamed chunk how many characters are held."""

    grant: Grant
    watch: Callable[[int], None] | None = None


def inside_of(scope: Scope) -> Inside | None:
    """Return what a caller inside the process put there, None for a request from outside."""
    found = scope.get(SCOPE_KEY)
    return found if isinstance(found, Inside) else None


def watch_of(scope: Scope) -> Callable[[int], None] | None:
    """Return who wants to know how many characters are held, None for nobody."""
    inside = inside_of(scope)
    return None if inside is None else inside.watch
