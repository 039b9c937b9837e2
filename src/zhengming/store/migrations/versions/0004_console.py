"""The console: staff and sessions, what a turn page shows, counts over turns, checkpoints of the ledger."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TEXT = sa.Text()
BLOB = sa.LargeBinary()


def _required(name: str, kind: Any = TEXT) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _key(name: str, kind: Any = TEXT) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, autoincrement=False)


def upgrade() -> None:
    _turns()
    _stats()
    _ledger()
    _staff()


def _turns() -> None:
    for column in (
        sa.Column("said_sealed", BLOB),
        sa.Column("added_ms", sa.Float()),
        sa.Column("opened_entry", TEXT),
        sa.Column("closed_entry", TEXT),
    ):
        op.add_column("turn", column)
    op.drop_index("ix_turn_opened", "turn")
    op.create_index("ix_turn_service", "turn", ["service_id", "id"])
    op.create_index("ix_turn_person", "turn", ["person_id", "id"])
    for name, columns, where in (
        ("ix_turn_outcome", ["outcome", "id"], "outcome NOT IN ('served', 'underway')"),
        ("ix_turn_verdict_input", ["verdict_input", "id"], "verdict_input <> 'allow'"),
        ("ix_turn_verdict_output", ["verdict_output", "id"], "verdict_output NOT IN ('', 'allow')"),
        ("ix_turn_care", ["care_level", "id"], "care_level > 0"),
        ("ix_turn_unscreened", ["id"], "unscreened = 1"),
    ):
        op.create_index(name, "turn", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_table(
        "turn_progress",
        _key("turn_id"),
        _key("entry_id"),
        _required("at", BIG),
        _required("characters", BIG),
        sa.PrimaryKeyConstraint("turn_id", "entry_id", name="pk_turn_progress"),
        comment="The *progress* entries of a long stream.",
    )
    op.create_table(
        "turn_reveal",
        _key("turn_id"),
        _key("entry_id"),
        _required("at", BIG),
        _required("who"),
        _required("why"),
        sa.PrimaryKeyConstraint("turn_id", "entry_id", name="pk_turn_reveal"),
        comment="Who opened the texts of a turn, and why.",
    )


def _stats() -> None:
    op.create_table(
        "turn_stat",
        _key("grain", sa.Integer()),
        _key("bucket", BIG),
        _key("service_id"),
        _key("name"),
        _key("label"),
        _required("count", BIG),
        _required("total", sa.Float()),
        sa.PrimaryKeyConstraint("grain", "bucket", "service_id", "name", "label", name="pk_turn_stat"),
        sqlite_with_rowid=False,
        comment="Counts over turns by the moment of their id; derived, can be counted anew at any time.",
    )
    op.create_table(
        "turn_stat_bucket",
        _key("bucket", BIG),
        _required("open", sa.Integer()),
        _required("counted_at", BIG),
        _required("pruned", sa.Integer()),
        sa.PrimaryKeyConstraint("bucket", name="pk_turn_stat_bucket"),
        comment="Which stretches were counted, and whether they must be counted again.",
    )


def _ledger() -> None:
    op.create_table(
        "ledger_checkpoint",
        _key("size", BIG),
        _required("root", BLOB),
        _required("at", BIG),
        _required("key_id"),
        _required("signature", BLOB),
        _required("noted_at", BIG),
        _required("noted_by"),
        sa.PrimaryKeyConstraint("size", name="pk_ledger_checkpoint"),
        comment="Signed heads that were written down; a copy kept elsewhere shows later that nothing was rewritten.",
    )
    op.create_table(
        "ledger_check",
        _key("id"),
        _required("started_at", BIG),
        _required("started_by"),
        _required("instance"),
        _required("state"),
        _required("size", BIG),
        _required("done", BIG),
        sa.Column("finished_at", BIG),
        _required("report"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_check"),
        comment="Runs of the verification of the whole ledger, and what they found.",
    )


def _staff() -> None:
    op.create_table(
        "staff",
        _key("id"),
        *(_required(name) for name in ("name", "roles", "password")),
        sa.Column("totp_sealed", BLOB),
        _required("totp_step", BIG),
        *(_required(name) for name in ("recovery", "language", "theme", "timezone")),
        _required("created_at", BIG),
        _required("created_by"),
        _required("password_at", BIG),
        sa.Column("disabled_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_staff"),
        sa.UniqueConstraint("name", name="uq_staff_name"),
        comment="Staff accounts; `password` is argon2, `totp_sealed` the second factor, `totp_step` the last step used.",
    )
    op.create_table(
        "staff_link",
        _key("digest", BLOB),
        _required("purpose"),
        sa.Column("staff_id", TEXT),
        _required("roles"),
        _required("created_at", BIG),
        _required("created_by"),
        _required("expires_at", BIG),
        sa.Column("used_at", BIG),
        sa.PrimaryKeyConstraint("digest", name="pk_staff_link"),
        comment="One-time links: the first owner, an invitation, a new password. Only the digest of the secret is kept.",
    )
    op.create_table(
        "sign_in",
        _key("id"),
        sa.Column("staff_id", TEXT),
        _required("name"),
        _required("at", BIG),
        *(_required(name) for name in ("outcome", "address", "agent")),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in"),
        comment="Every attempt to sign in; `address` is cut to its network.",
    )
    op.create_index("ix_sign_in_staff", "sign_in", ["staff_id", "id"])
    op.create_table(
        "api_token",
        _key("id"),
        _required("digest", BLOB),
        *(_required(name) for name in ("prefix", "note", "scopes", "staff_id")),
        _required("created_at", BIG),
        *(sa.Column(name, BIG) for name in ("expires_at", "last_used_at", "revoked_at")),
        sa.Column("revoked_by", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("digest", name="uq_api_token_digest"),
        comment="Tokens of the management API as SHA-256; they never open more than the person who made them may.",
    )
    op.create_index("ix_api_token_staff_id", "api_token", ["staff_id"])
    op.create_table(
        "web_session",
        _key("id"),
        _required("digest", BLOB),
        _required("subject"),
        *(_required(name, BIG) for name in ("created_at", "seen_at", "expires_at")),
        _required("address"),
        _required("agent"),
        sa.Column("ended_at", BIG),
        sa.Column("ended_by", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_web_session"),
        sa.UniqueConstraint("digest", name="uq_web_session_digest"),
        comment="Sessions by the SHA-256 of their secret; `subject` is whoever signed in, `address` is cut to its network.",
    )
    op.create_index("ix_web_session_subject", "web_session", ["subject"])
