"""The order of the menu; an entry is shown to whoever may open it."""

from __future__ import annotations

from typing import Final, NamedTuple

from zhengming.core.words import Permission


class Entry(NamedTuple):
    """One entry: where it leads, its text `console:nav.<name>`, what it needs, its group (`console:group.<group>`).

    `g` and then its letter lead there from the keyboard.
    """

    name: str
    path: str
    needs: Permission
    group: str
    letter: str


NAVIGATION: Final = (
    Entry("overview", "/", Permission.SEE_OVERVIEW, "watch", "o"),
    Entry("turns", "/turns", Permission.SEE_TURNS, "watch", "t"),
    Entry("playground", "/playground", Permission.USE_PLAYGROUND, "watch", "p"),
    Entry("health", "/health", Permission.SEE_HEALTH, "watch", "h"),
    Entry("services", "/services", Permission.SEE_SERVICES, "operate", "s"),
    Entry("keys", "/keys", Permission.SEE_KEYS, "operate", "k"),
    Entry("upstreams", "/upstreams", Permission.SEE_UPSTREAMS, "operate", "u"),
    Entry("switches", "/switches", Permission.SEE_SWITCHES, "operate", "w"),
    Entry("rules", "/rules", Permission.SEE_RULES, "operate", "r"),
    Entry("ledger", "/ledger", Permission.SEE_LEDGER, "prove", "l"),
    Entry("staff", "/staff", Permission.SEE_STAFF, "people", "f"),
    Entry("tokens", "/tokens", Permission.MANAGE_TOKENS, "people", "i"),
    Entry("about", "/about", Permission.SEE_OVERVIEW, "people", "a"),
)
