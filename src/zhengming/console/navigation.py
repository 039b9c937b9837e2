"""The order of the menu; an entry is shown to whoever may open it."""

from __future__ import annotations

from typing import Final, NamedTuple

from zhengming.core.words import Permission


class Entry(NamedTuple):
    """One entry: where it leads, its text `console:nav.<name>`, what it needs, its group (`console:group.<group>`)."""

    name: str
    path: str
    needs: Permission
    group: str


NAVIGATION: Final = (
    Entry("overview", "/", Permission.SEE_OVERVIEW, "watch"),
    Entry("turns", "/turns", Permission.SEE_TURNS, "watch"),
    Entry("playground", "/playground", Permission.USE_PLAYGROUND, "watch"),
    Entry("health", "/health", Permission.SEE_HEALTH, "watch"),
    Entry("services", "/services", Permission.SEE_SERVICES, "operate"),
    Entry("keys", "/keys", Permission.SEE_KEYS, "operate"),
    Entry("upstreams", "/upstreams", Permission.SEE_UPSTREAMS, "operate"),
    Entry("switches", "/switches", Permission.SEE_SWITCHES, "operate"),
    Entry("rules", "/rules", Permission.SEE_RULES, "operate"),
    Entry("ledger", "/ledger", Permission.SEE_LEDGER, "prove"),
    Entry("staff", "/staff", Permission.SEE_STAFF, "people"),
    Entry("tokens", "/tokens", Permission.MANAGE_TOKENS, "people"),
    Entry("about", "/about", Permission.SEE_OVERVIEW, "people"),
)
