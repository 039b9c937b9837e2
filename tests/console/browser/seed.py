"""Turns of every kind for the browser: served, redacted, stopped, refused, help, tool calls, in both languages."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import openai
from openai import OpenAI
from tests.console.browser.places import owner
from tests.gateway.served import Served

from zhengming.accounts import switches
from zhengming.core.words import SwitchKind
from zhengming.gateway.upstreams.rehearsal.catalogue import LANGUAGES, REHEARSALS

MODEL = "zhengming-rehearsal"


def fill(site: Served) -> None:
    """Ask every documented prompt in both languages, streamed and whole, and set and lift a switch."""
    client = site.client()
    for number, rehearsal in enumerate(one for one in REHEARSALS if one.fault != "hang"):  # it takes half a minute
        for language in LANGUAGES:
            _ask(client, rehearsal.prompt[language], user=f"person-{number % 5}", stream=language == "zh")
    set_and_lift(site)
    with owner(site, "en") as person:
        assert person.post("/ledger/checkpoints").status_code == 303
        assert person.post("/ledger/checks").status_code == 303


def set_and_lift(site: Served) -> None:
    """Leave a switch in the history, and one that stands for a persona that nobody has."""
    now = site.gateway.clock()
    site.write(
        lambda tx: switches.set_switch(
            tx, SwitchKind.STOP_GENERATION, who="Lin", why="an exercise", now=now, persona="nobody"
        )
    )
    found = site.write(
        lambda tx: switches.set_switch(tx, SwitchKind.STOP_PUBLISHING, who="Lin", why="an exercise", now=now)
    )
    site.write(lambda tx: switches.lift(tx, found.id, who="Lin", why="the exercise is over", now=now + 1))


def _ask(client: OpenAI, prompt: str, *, user: str, stream: bool) -> None:
    messages: Any = [{"role": "user", "content": prompt}]
    with suppress(openai.APIError):  # some prompts rehearse a fault of the model
        answer: Any = client.chat.completions.create(model=MODEL, messages=messages, stream=stream, user=user)
        if stream:
            for _ in answer:
                pass
