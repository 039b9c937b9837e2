"""The table of console sessions; `0004_console` creates it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Table, Text

from zhengming.store.schema import BIG, BLOB, metadata

web_session: Final = Table(
    "web_session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", BLOB, nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("seen_at", BIG, nullable=False),
    Column("expires_at", BIG, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("ended_at", BIG),
    Column("ended_by", Text),
    Index(None, "subject"),
    comment="Sessions by the SHA-256 of their secret; `subject` is whoever signed in, `address` is cut to its network.",
)
