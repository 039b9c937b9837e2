"""The themes that a reader may choose; apart from the view, so that accounts need not load what pages need."""

from __future__ import annotations

from typing import Final

THEMES: Final = ("auto", "light", "dark")
