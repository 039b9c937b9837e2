"""Services, API keys, people, conversations and switches."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _service()
    _api_key()
    _person()
    _conversation()
    _conversation_node()
    _conversation_response()
    _switch()


def _service() -> None:
    op.create_table(
        "service",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service"),
        sa.UniqueConstraint("name", name="uq_service_name"),
        comment="AI services of the operator; `profile` is the JSON of a ServiceProfile.",
    )


def _api_key() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("last_used_at", BIG, nullable=True),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("digest", name="uq_api_key_digest"),
        comment="API keys as SHA-256; the secret itself is shown once and kept nowhere.",
    )
    op.create_index("ix_api_key_service_id", "api_key", ["service_id"])


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("stand_in", sa.Integer(), nullable=False),
        sa.Column("band", sa.Text(), nullable=True),
        sa.Column("registered_at", BIG, nullable=True),
        sa.Column("login_at", BIG, nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("change", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        comment="End users by pseudonym; `stand_in` ones stand for an API key. `change` numbers the reports.",
    )
    op.create_index("ix_person_change", "person", ["change"])


def _conversation() -> None:
    op.create_table(
        "conversation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversation"),
        comment="Conversations; `origin` says whether the client named it or its history did.",
    )
    op.create_index("ix_conversation_person_id", "conversation", ["person_id"])


def _conversation_node() -> None:
    op.create_table(
        "conversation_node",
        sa.Column("node", sa.LargeBinary(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("parent", sa.LargeBinary(), nullable=True),
        sa.Column("followed", sa.Integer(), nullable=False),
        sa.Column("instructions", sa.LargeBinary(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("node", name="pk_conversation_node"),
        sqlite_with_rowid=False,
        comment="Keyed fingerprints of histories that end in a reply of ours; no text can be had from them.",
    )
    op.create_index("ix_conversation_node_conversation_id", "conversation_node", ["conversation_id"])
    op.create_index("ix_conversation_node_seen_at", "conversation_node", ["seen_at"])


def _conversation_response() -> None:
    op.create_table(
        "conversation_response",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("node", sa.LargeBinary(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversation_response"),
        sqlite_with_rowid=False,
        comment="Keyed digests of response ids, for `previous_response_id`.",
    )
    op.create_index("ix_conversation_response_conversation_id", "conversation_response", ["conversation_id"])
    op.create_index("ix_conversation_response_seen_at", "conversation_response", ["seen_at"])


def _switch() -> None:
    op.create_table(
        "switch",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("function", sa.Text(), nullable=False),
        sa.Column("persona", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("set_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=True),
        sa.Column("lifted_at", BIG, nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_switch"),
        comment="Emergency switches; `*` stands for every service, function or persona.",
    )
