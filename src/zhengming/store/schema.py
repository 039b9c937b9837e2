"""The one `MetaData` on which every package declares its tables.

Rules that keep both databases alike: times are INTEGER milliseconds since 1970 in UTC, booleans INTEGER 0 or 1,
ids TEXT, hashes and sealed texts BLOB. Packages declare their tables in their own `models.py` with :data:`metadata`;
`tests/store/test_migrations.py` holds the migrations equal to what is declared.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BIG: Final = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer; on SQLite `INTEGER`, so that a primary key of this type is the row id itself."""

BLOB: Final = LargeBinary()
"""Bytes: `BLOB` on SQLite, `BYTEA` on PostgreSQL."""

shared_version: Final = Table(
    "shared_version",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BIG, nullable=False),
    comment="One number a shared thing (rules, keys, switches); it rises when the thing changes, replicas poll it.",
)
