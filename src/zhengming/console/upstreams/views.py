"""Pages of the part `upstreams`."""

from __future__ import annotations

from typing import Final

from zhengming.console.asked import Page

PAGES: Final[tuple[Page, ...]] = ()
