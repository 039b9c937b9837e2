"""The tables of turns. Texts lie encrypted; everything else may be filtered and counted.

The index of open turns is in `partial_models.py`.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, Table, Text

from zhengming.store.schema import BIG, BLOB, metadata

turn = Table(
    "turn",
    metadata,
    Column("id", Text, primary_key=True),  # the ProduceID
    Column("state", Text, nullable=False),  # open, closed, interrupted
    Column("outcome", Text, nullable=False),  # how it was answered: records.Ending
    Column("service_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("conversation_id", Text, nullable=False),
    Column("relation", Text, nullable=False),  # new, continued, branched, edited
    Column("api", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("streamed", Integer, nullable=False),
    Column("audience", Text, nullable=False),
    Column("unattributed", Integer, nullable=False),  # came without an end user or a conversation of its own
    Column("unscreened", Integer, nullable=False),
    Column("unjudged", Integer, nullable=False),  # parts that no detector reads yet
    Column("verdict_input", Text, nullable=False),
    Column("verdict_output", Text, nullable=False),
    Column("care_level", Integer, nullable=False),
    Column("rules_version", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("instance", Text, nullable=False),  # the process that serves it, to tell an orphan from a long stream
    Column("opened_at", BIG, nullable=False),
    Column("closed_at", BIG),
    Column("first_byte_ms", Integer),
    Column("held_max", Integer),
    Column("tokens_in", BIG),
    Column("tokens_out", BIG),
    Column("input_sealed", BLOB),
    Column("output_sealed", BLOB),
    Index("ix_turn_opened", "opened_at", "id"),
    Index("ix_turn_conversation", "conversation_id", "opened_at"),
)

turn_signal = Table(
    "turn_signal",
    metadata,
    Column("turn_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("surface", Text, nullable=False),
    Column("place", Text, nullable=False),  # the text that the span counts in
    Column("category", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("rule_version", Text, nullable=False),
    Column("span_start", Integer),
    Column("span_end", Integer),
    Column("score", Float, nullable=False),
    Column("verdict", Text, nullable=False),
    Index("ix_turn_signal_category", "category", "turn_id"),
)

gateway_instance = Table(
    "gateway_instance",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seen_at", BIG, nullable=False),
)

conversation_care = Table(
    "conversation_care",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("state", BLOB, nullable=False),
    Column("changed_at", BIG, nullable=False),
    comment="The care state of a conversation: levels only, no text.",
)

rules_in_force = Table(
    "rules_in_force",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rules", Text, nullable=False),
    Column("since", BIG, nullable=False),
    comment="One row: the rule and policy version that the last *rules.changed* entry named.",
)
