"""What is said in answer to a request, before it takes the shape of an API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from zhengming.gateway.upstreams.rehearsal import catalogue
from zhengming.gateway.upstreams.rehearsal.asked import Asked, Tool
from zhengming.gateway.upstreams.rehearsal.cutting import pieces, seed_of
from zhengming.gateway.upstreams.rehearsal.sample import Sampler

_ANY_JSON: Final[Mapping[str, Any]] = {
    "properties": {"answer": {"type": "string"}, "confidence": {"type": "integer", "minimum": 1}}
}
_CALL_PREFIX: Final = "call_rehearsal_"


class Call(NamedTuple):
    """A tool call: its id, the function, and the arguments as JSON text in pieces."""

    id: str
    name: str
    arguments: list[str]


class Script(NamedTuple):
    """One choice of an answer in pieces; `finish` is the finish reason of a chat completion."""

    text: list[str]
    reasoning: list[str]
    refusal: list[str]
    call: Call | None
    finish: str

    @property
    def tokens(self) -> int:
        """How many tokens were written; each piece counts as one."""
        arguments = len(self.call.arguments) if self.call else 0
        return len(self.text) + len(self.reasoning) + len(self.refusal) + arguments


def fault_of(asked: Asked) -> str:
    """Return the fault that the message asks for, "" for none."""
    found = catalogue.find(asked.message)
    return found[0].fault if found else ""


def scripts_for(asked: Asked) -> list[Script]:
    """Return what is said in each choice."""
    return [_script(asked, choice) for choice in range(asked.choices)]


def _script(asked: Asked, choice: int) -> Script:
    found = catalogue.find(asked.message)
    rehearsal, language = found or (None, asked.language)
    seed = seed_of(asked.message, choice)
    text = catalogue.otherwise(asked.message, language, choice)
    reasoning = ""
    if rehearsal is not None:
        text = rehearsal.answer[language] * rehearsal.repeat
        reasoning = rehearsal.reasoning[language]
    if asked.reasoning and not reasoning:
        reasoning = catalogue.otherwise(asked.message, language, choice + 1)
    tool = None if asked.after_tool else _chosen_tool(asked, wanted=rehearsal is not None and rehearsal.tool)
    if tool is not None:
        return _calling(tool, text, reasoning, seed, language)
    if asked.after_tool:
        text = catalogue.fixed("after_tool", language)
    elif rehearsal is not None and rehearsal.tool:
        text = catalogue.fixed("no_tool", language)
    if rehearsal is not None and rehearsal.refusal:
        return Script([], [], pieces(text, seed), None, "stop")
    if asked.schema is not None:
        text = _json(asked.schema, text, language)
    return _limited(asked, text, reasoning, seed)


def _limited(asked: Asked, text: str, reasoning: str, seed: str) -> Script:
    """Cut at stop sequences and at the limit of tokens."""
    for stop in asked.stops:
        text = text.partition(stop)[0]
    thought, said = pieces(reasoning, seed_of(seed, "reasoning")), pieces(text, seed)
    if asked.limit is None or len(thought) + len(said) <= asked.limit:
        return Script(said, thought, [], None, "stop")
    thought = thought[: asked.limit]
    return Script(said[: asked.limit - len(thought)], thought, [], None, "length")


def _chosen_tool(asked: Asked, *, wanted: bool) -> Tool | None:
    if not asked.tools or asked.tool_choice == "none":
        return None
    named = next((tool for tool in asked.tools if tool.name == asked.tool_choice), None)
    if named is not None:
        return named
    return asked.tools[0] if wanted or asked.tool_choice == "required" else None


def _calling(tool: Tool, text: str, reasoning: str, seed: str, language: str) -> Script:
    arguments = _json(tool.parameters, text, language)
    call = Call(_CALL_PREFIX + seed[:12], tool.name, pieces(arguments, seed))
    return Script([], pieces(reasoning, seed_of(seed, "reasoning")), [], call, "tool_calls")


def _json(schema: Mapping[str, Any], text: str, language: str) -> str:
    texts: Iterator[str] = iter([text])
    value = Sampler(schema or _ANY_JSON, texts, language).value()
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))  # orjson refuses big integers
    return written.encode("utf-8", "replace").decode()
