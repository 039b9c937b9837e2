"""About this installation: what it is, what it covers and does not, what it is made of."""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from typing import Final

from starlette.responses import Response

from zhengming.console.about.parts import installed, vendored
from zhengming.console.asked import Asked, Page
from zhengming.core.words import Category, Permission
from zhengming.screen.defaults import load_default_library

_DOCS: Final = (
    ("tutorial/first-turn", "start"),
    ("how-to/connect-a-model", "connect"),
    ("how-to/services-and-keys", "services"),
    ("how-to/switches", "switches"),
    ("how-to/check-the-ledger", "ledger"),
    ("explanation/rules-and-policy", "rules"),
    ("explanation/architecture", "architecture"),
    ("reference/routes", "reference"),
)


async def see_about(asked: Asked) -> Response:
    """`GET /about`: version, coverage, licences, documents, keys."""
    parts = await asyncio.to_thread(installed)
    starter = await asyncio.to_thread(load_default_library)
    counts = Counter(rule.category for rule in starter.rules)
    facts = asked.console.facts
    return asked.page(
        "about/about.html",
        facts=facts,
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        system=f"{platform.system()} {platform.machine()}",
        parts=parts,
        vendored=vendored(),
        covered=[(category, counts[category]) for category in Category if counts[category]],
        uncovered=[category for category in Category if not counts[category]],
        docs=_DOCS,
    )


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/about", Permission.SEE_OVERVIEW, see_about, "Version, coverage, licences, documents, keys."),
)
