"""Indices over a part of the rows, apart from the tables: naming PostgreSQL loads its dialect, which serving needs not.

They exist for the comparison with the migrations; nothing imports this module while turns are served.
"""

from __future__ import annotations

from sqlalchemy import Index, text

from zhengming.gateway.models import turn

_STILL_OPEN = text("state = 'open'")
_ENDED_OTHERWISE = text("outcome NOT IN ('served', 'underway')")
_FOUND_IN = text("verdict_input <> 'allow'")
_FOUND_OUT = text("verdict_output NOT IN ('', 'allow')")
_CARED_FOR = text("care_level > 0")
_UNSCREENED = text("unscreened = 1")

Index("ix_turn_open", turn.c.instance, sqlite_where=_STILL_OPEN, postgresql_where=_STILL_OPEN)
Index("ix_turn_outcome", turn.c.outcome, turn.c.id, sqlite_where=_ENDED_OTHERWISE, postgresql_where=_ENDED_OTHERWISE)
Index("ix_turn_verdict_input", turn.c.verdict_input, turn.c.id, sqlite_where=_FOUND_IN, postgresql_where=_FOUND_IN)
Index("ix_turn_verdict_output", turn.c.verdict_output, turn.c.id, sqlite_where=_FOUND_OUT, postgresql_where=_FOUND_OUT)
Index("ix_turn_care", turn.c.care_level, turn.c.id, sqlite_where=_CARED_FOR, postgresql_where=_CARED_FOR)
Index("ix_turn_unscreened", turn.c.id, sqlite_where=_UNSCREENED, postgresql_where=_UNSCREENED)
