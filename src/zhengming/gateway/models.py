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
    Column("said_sealed", BLOB),  # the model's own words, where they are not what was shown
    Column("added_ms", Float),  # to the first byte, without waiting for the upstream
    Column("opened_entry", Text),  # ids of the ledger entries
    Column("closed_entry", Text),
    Index("ix_turn_service", "service_id", "id"),  # ids sort by time
    Index("ix_turn_person", "person_id", "id"),
    Index("ix_turn_conversation", "conversation_id", "opened_at"),
)

turn_progress = Table(
    "turn_progress",
    metadata,
    Column("turn_id", Text, primary_key=True),
    Column("entry_id", Text, primary_key=True),
    Column("at", BIG, nullable=False),
    Column("characters", BIG, nullable=False),
    comment="The *progress* entries of a long stream.",
)

turn_reveal = Table(
    "turn_reveal",
    metadata,
    Column("turn_id", Text, primary_key=True),
    Column("entry_id", Text, primary_key=True),
    Column("at", BIG, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    comment="Who opened the texts of a turn, and why.",
)

turn_stat = Table(
    "turn_stat",
    metadata,
    Column("grain", Integer, primary_key=True, autoincrement=False),  # seconds: 300, 3600 or 86400
    Column("bucket", BIG, primary_key=True, autoincrement=False),  # ms at which the stretch begins
    Column("service_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("count", BIG, nullable=False),
    Column("total", Float, nullable=False),
    sqlite_with_rowid=False,
    comment="Counts over turns by the moment of their id; derived, can be counted anew at any time.",
)

turn_stat_bucket = Table(
    "turn_stat_bucket",
    metadata,
    Column("bucket", BIG, primary_key=True, autoincrement=False),  # of the finer grain
    Column("open", Integer, nullable=False),  # turns that were still open when it was counted
    Column("counted_at", BIG, nullable=False),
    Column("pruned", Integer, nullable=False),  # 1: only hour and day know its counts; it is counted no more
    comment="Which stretches were counted, and whether they must be counted again.",
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
