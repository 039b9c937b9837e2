"""What a documented prompt needs beside it to show what it is for: a tool to call, a schema to fill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TOOL: Final[Mapping[str, Any]] = {
    "type": "function",
    "function": {
        "name": "register",
        "description": "Register a contact or send a notice (made up, for trying out).",
        "parameters": {"type": "object", "properties": {"note": {"type": "string"}, "phone": {"type": "string"}}},
    },
}
"""An entry of `tools` of a chat completion."""
PLAN: Final[Mapping[str, Any]] = {
    "type": "json_schema",
    "json_schema": {
        "name": "plan",
        "schema": {
            "type": "object",
            "properties": {"plan": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        },
    },
}
"""A `response_format` of a chat completion."""
