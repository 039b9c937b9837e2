"""The tables of this package; `0002_accounts` creates them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, Table, Text

from zhengming.store.schema import BIG, BLOB, metadata

service: Final = Table(
    "service",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("profile", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("changed_at", BIG, nullable=False),
    comment="AI services of the operator; `profile` is the JSON of a ServiceProfile.",
)

api_key: Final = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service_id", Text, nullable=False),
    Column("digest", BLOB, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("last_used_at", BIG),
    Column("revoked_at", BIG),
    Column("revoked_by", Text),
    Column("revoked_why", Text),
    Index(None, "service_id"),
    comment="API keys as SHA-256; the secret itself is shown once and kept nowhere.",
)

person: Final = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service_id", Text, nullable=False),
    Column("stand_in", Integer, nullable=False),
    Column("band", Text),
    Column("registered_at", BIG),
    Column("login_at", BIG),
    Column("created_at", BIG, nullable=False),
    Column("change", BIG),
    Index(None, "change"),
    comment="End users by pseudonym; `stand_in` ones stand for an API key. `change` numbers the reports.",
)

conversation: Final = Table(
    "conversation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service_id", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("parent", Text),
    Column("created_at", BIG, nullable=False),
    Index(None, "person_id"),
    comment="Conversations; `origin` says whether the client named it or its history did.",
)

conversation_node: Final = Table(
    "conversation_node",
    metadata,
    Column("node", BLOB, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("parent", BLOB),
    Column("followed", Integer, nullable=False),
    Column("instructions", BLOB, nullable=False),
    Column("length", Integer, nullable=False),
    Column("rules_version", Text, nullable=False),
    Column("seen_at", BIG, nullable=False),
    Index(None, "conversation_id"),
    Index(None, "seen_at"),
    sqlite_with_rowid=False,
    comment="Keyed fingerprints of histories that end in a reply of ours; no text can be had from them.",
)

conversation_response: Final = Table(
    "conversation_response",
    metadata,
    Column("id", BLOB, primary_key=True),
    Column("node", BLOB, nullable=False),
    Column("conversation_id", Text, nullable=False),
    Column("seen_at", BIG, nullable=False),
    Index(None, "conversation_id"),
    Index(None, "seen_at"),
    sqlite_with_rowid=False,
    comment="Keyed digests of response ids, for `previous_response_id`.",
)

switch: Final = Table(
    "switch",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("service_id", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("persona", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("set_at", BIG, nullable=False),
    Column("expires_at", BIG),
    Column("lifted_at", BIG),
    Column("lifted_by", Text),
    Column("lifted_why", Text),
    comment="Emergency switches; `*` stands for every service, function or persona.",
)

staff: Final = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("roles", Text, nullable=False),
    Column("password", Text, nullable=False),
    Column("totp_sealed", BLOB),
    Column("totp_step", BIG, nullable=False),
    Column("recovery", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("theme", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("password_at", BIG, nullable=False),
    Column("disabled_at", BIG),
    comment="Staff accounts; `password` is argon2, `totp_sealed` the second factor, `totp_step` the last step used.",
)

staff_link: Final = Table(
    "staff_link",
    metadata,
    Column("digest", BLOB, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("staff_id", Text),
    Column("roles", Text, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BIG, nullable=False),
    Column("used_at", BIG),
    comment="One-time links: the first owner, an invitation, a new password. Only the digest of the secret is kept.",
)

sign_in: Final = Table(
    "sign_in",
    metadata,
    Column("id", Text, primary_key=True),
    Column("staff_id", Text),
    Column("name", Text, nullable=False),
    Column("at", BIG, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Index("ix_sign_in_staff", "staff_id", "id"),
    comment="Every attempt to sign in; `address` is cut to its network.",
)

api_token: Final = Table(
    "api_token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", BLOB, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("staff_id", Text, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("expires_at", BIG),
    Column("last_used_at", BIG),
    Column("revoked_at", BIG),
    Column("revoked_by", Text),
    Index(None, "staff_id"),
    comment="Tokens of the management API as SHA-256; they never open more than the person who made them may.",
)
