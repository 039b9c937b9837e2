"""Indices over a part of the rows, apart from the tables: naming PostgreSQL loads its dialect, which serving needs not.

They exist for the comparison with the migrations; nothing imports this module while turns are served.
"""

from __future__ import annotations

from sqlalchemy import Index, text

from zhengming.gateway.models import turn

_STILL_OPEN = text("state = 'open'")

Index("ix_turn_open", turn.c.instance, sqlite_where=_STILL_OPEN, postgresql_where=_STILL_OPEN)
