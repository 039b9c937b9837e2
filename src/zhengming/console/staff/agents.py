"""The name that a browser gives itself, made short enough to be recognised."""

from __future__ import annotations

import re
from typing import Final

_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdgA?(?:iOS)?/(\d+)")),
    ("WeChat", re.compile(r"\bMicroMessenger/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Opera", re.compile(r"\bOPR/(\d+)")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+).*Safari")),
    ("curl", re.compile(r"^curl/(\d+)")),
)
_SYSTEMS: Final = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def shortened(agent: str) -> str:
    """Return browser and system such as `Firefox 140, Windows`, the beginning of what is neither, '' for nothing."""
    browser = next((f"{name} {found[1]}" for name, sign in _BROWSERS if (found := sign.search(agent))), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return ", ".join(part for part in (browser, system) if part) if browser else agent[:40]
