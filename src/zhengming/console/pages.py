"""Every page of the console in one table: the router, the roles' test and the reference page read it."""

from __future__ import annotations

from typing import Final

from zhengming.console.about.views import PAGES as ABOUT
from zhengming.console.asked import Page
from zhengming.console.health.views import PAGES as HEALTH
from zhengming.console.ledger.views import PAGES as LEDGER
from zhengming.console.overview.views import PAGES as OVERVIEW
from zhengming.console.playground.views import PAGES as PLAYGROUND
from zhengming.console.rules.views import PAGES as RULES
from zhengming.console.services.views import PAGES as SERVICES
from zhengming.console.signin.views import PAGES as SIGNIN
from zhengming.console.staff.views import PAGES as STAFF
from zhengming.console.switches.views import PAGES as SWITCHES
from zhengming.console.turns.views import PAGES as TURNS
from zhengming.console.upstreams.views import PAGES as UPSTREAMS

PAGES: Final[tuple[Page, ...]] = (
    *SIGNIN,
    *OVERVIEW,
    *TURNS,
    *PLAYGROUND,
    *HEALTH,
    *SERVICES,
    *UPSTREAMS,
    *SWITCHES,
    *RULES,
    *LEDGER,
    *STAFF,
    *ABOUT,
)
