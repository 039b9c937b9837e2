"""The version rows, the ledger and the keys of persons."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "shared_version",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_shared_version"),
        comment="One number a shared thing (rules, keys, switches); it rises when the thing changes, replicas poll it.",
    )
    op.create_table(
        "ledger_entry",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger_entry"),
        sa.UniqueConstraint("id", name="uq_ledger_entry_id"),
        comment="The log: payload is the canonical JSON that is hashed; seq is the leaf's index in the tree, from 0.",
    )
    op.create_table(
        "ledger_node",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("idx", BIG, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx", name="pk_ledger_node"),
        sqlite_with_rowid=False,
        comment="Complete subtrees of 2^level leaves, level 4, 8, ...; hashes are their 16 subtrees of level - 4, joined.",
    )
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_head"),
        comment="One row: size and root of the tree, signed; frontier is the hashes that the next append needs.",
    )
    op.create_table(
        "person_key",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("master_id", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("erased_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("person_id", "generation", name="pk_person_key"),
        comment="The data keys of persons, wrapped with the master key; wrapped is NULL once the person is erased.",
    )
