"""The playground: chat through the gateway as an end user does, and see what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from zhengming.accounts.profiles import ServiceProfile
from zhengming.console.asked import Asked, Page
from zhengming.console.playground import answers, facts
from zhengming.console.playground.asking import (
    LONGEST,
    history_of,
    is_rehearsal,
    models_of,
    read_form,
    read_json,
    services_of,
)
from zhengming.console.playground.relaying import Streamed, answered
from zhengming.console.playground.showing import marks_of, prompts_for, standing_of, words_of
from zhengming.core.errors import ZhengmingError
from zhengming.core.words import Permission
from zhengming.gateway.refusals import kind_of
from zhengming.gateway.wire.errors import error_body
from zhengming.label.disclosure import disclosure


def person_of(asked: Asked) -> str:
    """The name under which the gateway meets this member of staff; it becomes a pseudonym like any end user's."""
    assert asked.staff is not None  # noqa: S101 - the page needs a permission
    return f"console/{asked.staff.id}"


async def show(asked: Asked) -> Response:
    """The page: nothing said yet; `service`, `model` and `rehearse` choose what stands in its fields."""
    wanted = asked.request.query_params
    services = services_of(asked.console)
    service = next((one for one in services if one.id == wanted.get("service")), None) or _first(services)
    if service is None:
        return asked.page("playground/empty.html")
    rehearsal = next((one for one in prompts_for(asked.view.language) if one.id == wanted.get("rehearse")), None)
    return await _page(asked, service, wanted.get("model", ""), said=rehearsal.prompt if rehearsal else "")


async def say(asked: Asked) -> Response:
    """One message without a script: the page again, with the whole answer."""
    ask = await read_form(asked.console, asked.request)
    whole = await answered(asked.console.app, ask, person_of(asked), asked.request.receive)
    answer = answers.read(whole)
    return await _page(
        asked,
        ask.service,
        ask.model,
        messages=ask.messages,
        answer=answer,
        history=history_of(ask.messages, answer.text),
    )


async def chat(asked: Asked) -> Response:
    """One message for the page's script: the bytes of the gateway's stream; errors in the shape of its API."""
    try:
        ask = await read_json(asked.console, asked.request)
    except ZhengmingError as error:
        body = error_body(str(error), kind_of(error.status), error.code)
        return Response(body, error.status, media_type="application/json")
    return Streamed(asked.console.app, ask, person_of(asked))


def _first(services: Sequence[ServiceProfile]) -> ServiceProfile | None:
    return next((one for one in services if one.name == "default"), services[0] if services else None)


async def _page(
    asked: Asked,
    service: ServiceProfile,
    model: str,
    *,
    said: str = "",
    messages: Sequence[Mapping[str, str]] = (),
    answer: answers.Answer | None = None,
    history: Sequence[Mapping[str, str]] = (),
) -> Response:
    language = asked.view.language
    services = services_of(asked.console)
    offered = {one.id: await models_of(asked.console, one) for one in services}
    names = offered.get(service.id) or [""]
    model = model if model in names else names[0]
    values: dict[str, Any] = {
        "services": services,
        "offered": offered,
        "standing": {one.id: standing_of(one, offered[one.id], language) for one in services},
        "service": service,
        "model": model,
        "rehearsing": is_rehearsal(service, model),
        "said": said,
        "messages": messages,
        "answer": answer,
        "history": list(history),
        "longest": LONGEST,
        "disclosure": disclosure(language),
        "prompts": prompts_for(language),
        "marks": marks_of(asked.console),
        "words": words_of(language),
    }
    return asked.page("playground/page.html", **values)


PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/playground", Permission.USE_PLAYGROUND, show, "Chat through the gateway."),
    Page("POST", "/playground", Permission.USE_PLAYGROUND, say, "One message, answered as a page without a script."),
    Page("GET", "/playground/turns/{turn_id}", Permission.SEE_TURNS, facts.show, "What happened in a turn, in brief."),
    Page("POST", "/playground/chat", Permission.USE_PLAYGROUND, chat, "One message, answered as the gateway's stream."),
)
