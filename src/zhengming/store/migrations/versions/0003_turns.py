"""Turns, their signals, the care state of conversations, and the processes that serve."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")

TEXT = sa.Text()
TEXTS = (
    "state", "outcome", "service_id", "key_id", "person_id", "conversation_id", "relation", "api", "model", "upstream",
)
FLAGS = ("unattributed", "unscreened", "unjudged")


def _required(name: str, kind: Any = TEXT) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "turn",
        _required("id"),
        *(_required(name) for name in TEXTS),
        _required("streamed", sa.Integer()),
        _required("audience"),
        *(_required(name, sa.Integer()) for name in FLAGS),
        _required("verdict_input"),
        _required("verdict_output"),
        _required("care_level", sa.Integer()),
        _required("rules_version"),
        _required("policy_version"),
        _required("instance"),
        _required("opened_at", BIG),
        sa.Column("closed_at", BIG),
        sa.Column("first_byte_ms", sa.Integer()),
        sa.Column("held_max", sa.Integer()),
        sa.Column("tokens_in", BIG),
        sa.Column("tokens_out", BIG),
        sa.Column("input_sealed", sa.LargeBinary()),
        sa.Column("output_sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_turn"),
    )
    op.create_index("ix_turn_opened", "turn", ["opened_at", "id"])
    op.create_index("ix_turn_conversation", "turn", ["conversation_id", "opened_at"])
    still_open = sa.text("state = 'open'")
    op.create_index("ix_turn_open", "turn", ["instance"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "turn_signal",
        _required("turn_id"),
        _required("position", sa.Integer()),
        *(_required(name) for name in ("surface", "place", "category")),
        _required("severity", sa.Integer()),
        _required("rule"),
        _required("rule_version"),
        sa.Column("span_start", sa.Integer()),
        sa.Column("span_end", sa.Integer()),
        _required("score", sa.Float()),
        _required("verdict"),
        sa.PrimaryKeyConstraint("turn_id", "position", name="pk_turn_signal"),
    )
    op.create_index("ix_turn_signal_category", "turn_signal", ["category", "turn_id"])
    op.create_table(
        "gateway_instance",
        _required("id"),
        _required("seen_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_gateway_instance"),
    )
    op.create_table(
        "conversation_care",
        _required("conversation_id"),
        _required("state", sa.LargeBinary()),
        _required("changed_at", BIG),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_conversation_care"),
        comment="The care state of a conversation: levels only, no text.",
    )
    op.create_table(
        "rules_in_force",
        _required("id", sa.Integer()),
        _required("rules"),
        _required("since", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_rules_in_force"),
        comment="One row: the rule and policy version that the last *rules.changed* entry named.",
    )
