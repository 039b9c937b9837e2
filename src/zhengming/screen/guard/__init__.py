"""The hold-back guard: a pure state machine between a model's stream and the person who reads it.

Values in (`feed`, `finish`, `reload`), commands out (`Show`, `Mask`, `Note`, `Stop`). What is shown depends on the text
alone, never on how it was cut into chunks, and no character of a span that must not be shown leaves before the verdict.
See `docs/explanation/hold-back.md`.
"""

from zhengming.screen.guard.commands import Command, FieldGuard, Mask, Note, Screening, Show, Stop
from zhengming.screen.guard.json import JsonGuard
from zhengming.screen.guard.logprobs import LogprobQueue, blank_entry
from zhengming.screen.guard.text import TextGuard

__all__ = [
    "Command",
    "FieldGuard",
    "JsonGuard",
    "LogprobQueue",
    "Mask",
    "Note",
    "Screening",
    "Show",
    "Stop",
    "TextGuard",
    "blank_entry",
]
