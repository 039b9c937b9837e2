"""What somebody asks in the playground: read, bounded, and turned into a request of the gateway's own API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from zhengming.accounts.profiles import ServiceProfile
from zhengming.accounts.snapshot import Grant
from zhengming.console.context import Console
from zhengming.core.errors import InvalidInputError
from zhengming.gateway.apis import CHAT
from zhengming.gateway.http import Scope
from zhengming.gateway.inside import KEY_ID
from zhengming.gateway.through import model_names
from zhengming.gateway.upstreams.config import REHEARSAL_CHAT, REHEARSAL_EMBED
from zhengming.gateway.upstreams.rehearsal.catalogue import find
from zhengming.gateway.upstreams.rehearsal.props import PLAN, TOOL
from zhengming.web import forms

LARGEST: Final = forms.LARGEST
"""Bytes of a request, the whole conversation included."""
LONGEST: Final = 8_000
"""Characters of one message."""
MOST: Final = 200
"""Messages of a conversation."""
_ROLES: Final = frozenset({"user", "assistant"})


class NothingToChatWithError(InvalidInputError):
    """A service or a model that cannot be chatted with."""

    code = "nothing_to_chat_with"


@dataclass(frozen=True, slots=True)
class Ask:
    """One message with the conversation before it. `reading_pace`: play the stream no faster than people read."""

    service: ServiceProfile
    model: str
    messages: tuple[Mapping[str, str], ...]
    reading_pace: bool = False

    @property
    def grant(self) -> Grant:
        """What stands in place of an API key."""
        return Grant(KEY_ID, self.service, frozenset({"chat"}))

    def body(self, *, stream: bool) -> bytes:
        """Return the request as an application would send it.

        A documented prompt of the rehearsal that needs a tool or a schema gets one, so that it shows what it is for.
        """
        fields: dict[str, Any] = {"model": self.model, "messages": list(self.messages), "stream": stream}
        found = find(self.messages[-1]["content"]) if is_rehearsal(self.service, self.model) else None
        if found is not None and found[0].tool:
            fields["tools"] = [TOOL]
        if found is not None and found[0].structured:
            fields["response_format"] = PLAN
        return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def scope(self, length: int, user: str) -> Scope:
        """Return the scope of a turn that `user` asks for; the caller adds who may pass without a key."""
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % length),
            (b"x-zhengming-user", user.encode("ascii", "backslashreplace")),
        ]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": CHAT.path,
            "raw_path": CHAT.path.encode("ascii"),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
        }


def is_rehearsal(service: ServiceProfile, model: str) -> bool:
    """Whether the rehearsal model answers behind this name."""
    return service.model(model) == REHEARSAL_CHAT


def services_of(console: Console) -> list[ServiceProfile]:
    """Return the services that offer a chat, by name."""
    found = console.gateway.directory.snapshot.services.values()
    return sorted((one for one in found if CHAT.function in one.functions), key=lambda one: one.name)


async def models_of(console: Console, service: ServiceProfile) -> list[str]:
    """Return the names that the service offers for a chat."""
    names = list(service.models) or await model_names(console.gateway)
    return [name for name in names if service.model(name) != REHEARSAL_EMBED]


async def read_json(console: Console, request: Request) -> Ask:
    """Read the request of the page's script. Raises TooLargeError, InvalidInputError."""
    raw = await forms.read_body(request, LARGEST)
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise _unreadable("The request is no JSON object.")
    return _ask(console, given, pace=given.get("pace") is True)


async def read_form(console: Console, request: Request) -> Ask:
    """Read the form that is sent without a script: the conversation so far comes back in the field `history`."""
    form = await forms.read_form(request, LARGEST)
    try:
        history = json.loads(form.exact("history", max=LARGEST) or "[]")
    except (ValueError, RecursionError):
        history = None
    if not isinstance(history, list):
        raise _unreadable("The conversation before this message cannot be read.")
    said = form.exact("said", max=2 * LONGEST).replace("\r\n", "\n")
    given = {"service": form.text("service"), "model": form.text("model")}
    return _ask(console, {**given, "messages": [*history, {"role": "user", "content": said}]})


def _ask(console: Console, given: Mapping[str, Any], *, pace: bool = False) -> Ask:
    service = next((one for one in services_of(console) if one.id == given.get("service")), None)
    if service is None:
        raise NothingToChatWithError("There is no such service to chat with.", next_step="Choose another service.")
    model = given.get("model")
    if not isinstance(model, str) or not model:
        raise NothingToChatWithError("The request names no model.", next_step="Choose a model.")
    return Ask(service, model, _messages(given.get("messages")), pace)


def _messages(given: object) -> tuple[Mapping[str, str], ...]:
    if not isinstance(given, list) or not given or len(given) > MOST:
        raise _unreadable(f"A conversation has 1 to {MOST} messages.")
    messages = tuple(_message(one) for one in given)
    if messages[-1]["role"] != "user" or not messages[-1]["content"].strip():
        raise _unreadable("The last message says nothing.")
    return messages


def _message(given: object) -> Mapping[str, str]:
    role, content = (given.get("role"), given.get("content")) if isinstance(given, dict) else (None, None)
    if role not in _ROLES or not isinstance(content, str):
        raise _unreadable("A message needs a role (`user` or `assistant`) and a text.")
    if len(content) > LONGEST:
        raise _unreadable(f"A message has {len(content)} characters; {LONGEST} are read here.")
    return {"role": role, "content": content}


def _unreadable(problem: str) -> InvalidInputError:
    return InvalidInputError(problem, next_step="Start a new conversation and send the message again.")


def history_of(messages: Sequence[Mapping[str, str]], answer: str) -> list[Mapping[str, str]]:
    """Return the conversation after an answer; one without text (a tool call, an error) takes its question along."""
    if not answer:
        return list(messages[:-1])
    return [*messages, {"role": "assistant", "content": answer}]
