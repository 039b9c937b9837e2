"""The tables of the ledger and of the vault."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, Table, Text, UniqueConstraint

from zhengming.store.schema import BIG, BLOB, metadata

ledger_entry: Final = Table(
    "ledger_entry",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("at", BIG, nullable=False),
    Column("payload", BLOB, nullable=False),
    UniqueConstraint("id", name="uq_ledger_entry_id"),
    comment="The log: payload is the canonical JSON that is hashed; seq is the leaf's index in the tree, from 0.",
)

ledger_node: Final = Table(
    "ledger_node",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("idx", BIG, primary_key=True),
    Column("hashes", BLOB, nullable=False),
    sqlite_with_rowid=False,
    comment="Complete subtrees of 2^level leaves, level 4, 8, ...; hashes are their 16 subtrees of level - 4, joined.",
)

ledger_head: Final = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", BIG, nullable=False),
    Column("root", BLOB, nullable=False),
    Column("frontier", BLOB, nullable=False),
    Column("at", BIG, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", BLOB, nullable=False),
    comment="One row: size and root of the tree, signed; frontier is the hashes that the next append needs.",
)

person_key: Final = Table(
    "person_key",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("wrapped", BLOB, nullable=True),
    Column("master_id", Text, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("erased_at", BIG, nullable=True),
    comment="The data keys of persons, wrapped with the master key; wrapped is NULL once the person is erased.",
)

ledger_checkpoint: Final = Table(
    "ledger_checkpoint",
    metadata,
    Column("size", BIG, primary_key=True, autoincrement=False),
    Column("root", BLOB, nullable=False),
    Column("at", BIG, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", BLOB, nullable=False),
    Column("noted_at", BIG, nullable=False),
    Column("noted_by", Text, nullable=False),
    comment="Signed heads that were written down; a copy kept elsewhere shows later that nothing was rewritten.",
)

ledger_check: Final = Table(
    "ledger_check",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started_at", BIG, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("size", BIG, nullable=False),
    Column("done", BIG, nullable=False),
    Column("finished_at", BIG),
    Column("report", Text, nullable=False),
    comment="Runs of the verification of the whole ledger, and what they found.",
)
