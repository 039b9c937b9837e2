"""Every operation of the API in one table: the router, the document, the roles' test and the reference page read it."""

from __future__ import annotations

from typing import Final

from zhengming.console.api.operation import Operation
from zhengming.console.api.parts.figures import OPERATIONS as FIGURES
from zhengming.console.api.parts.installation import OPERATIONS as INSTALLATION
from zhengming.console.api.parts.keys import OPERATIONS as KEYS
from zhengming.console.api.parts.ledger import OPERATIONS as LEDGER
from zhengming.console.api.parts.people import OPERATIONS as PEOPLE
from zhengming.console.api.parts.rules import OPERATIONS as RULES
from zhengming.console.api.parts.services import OPERATIONS as SERVICES
from zhengming.console.api.parts.switches import OPERATIONS as SWITCHES
from zhengming.console.api.parts.turns import OPERATIONS as TURNS
from zhengming.console.api.parts.upstreams import OPERATIONS as UPSTREAMS

OPERATIONS: Final[tuple[Operation, ...]] = (
    *FIGURES,
    *TURNS,
    *SERVICES,
    *KEYS,
    *SWITCHES,
    *UPSTREAMS,
    *RULES,
    *LEDGER,
    *PEOPLE,
    *INSTALLATION,
)
