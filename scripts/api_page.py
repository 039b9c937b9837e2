"""The reference page of the management API, from its table of operations."""

from __future__ import annotations

from collections.abc import Iterator

from zhengming.console.api.build import application
from zhengming.console.api.document import AREAS, document_of
from zhengming.console.api.operation import Operation
from zhengming.console.api.operations import OPERATIONS
from zhengming.console.api.pages import Field, faults, models_of, sections_of

INTRO = """\
# Management API

Everything under `/api` but `/api/reports`, which is the gateway's own (see [routes](routes.md)). Each request carries
`Authorization: Bearer zmt-...`; see [use the management API](../how-to/management-api.md). `GET /api/openapi.json` says
the same as an OpenAPI 3.1 document, `/api/docs` as a page with examples; both need no token.

Usual statuses beside those named below: 401 without a good token, 403 without the permission, 404 for an id of nothing,
422 for a field or parameter that does not fit, 429 with `Retry-After`, 503 while the database is down.
"""


def api_page() -> str:
    """Every operation by area, every model, every kind of problem."""
    text = INTRO
    for area in dict.fromkeys(one.area for one in OPERATIONS):
        text += f"\n## /{area}\n\n{AREAS[area]}\n\n"
        text += _table(("operation", "permission", "meaning"), (_row(one) for one in OPERATIONS if one.area == area))
    document = document_of(application(), "")
    text += "\n## Parameters\n\n"
    rows = (
        (f"`{shown.method} {shown.path}`", f"`{one.name}`", _kind(one), one.text)
        for section in sections_of(document, "")
        for shown in section.operations
        for one in shown.parameters
        if f"{{{one.name}}}" not in shown.path
    )
    text += _table(("operation", "parameter", "type", "meaning"), rows)
    text += "\n## Models\n"
    for model in models_of(document):
        text += f"\n### {model.name}\n\n{model.text}\n\n"
        text += _table(("member", "type", "meaning"), ((f"`{one.name}`", _kind(one), one.text) for one in model.fields))
    text += "\n## Problems\n\nErrors are `application/problem+json` (RFC 9457); programs go by `code`.\n\n"
    return text + _table(
        ("code", "status", "meaning"), ((f"`{one.code}`", str(one.status), one.text) for one in faults())
    )


def _row(one: Operation) -> tuple[str, ...]:
    usual = {401, 403, 422, 429, 503}
    extra = ", ".join(str(status) for status in sorted(set(one.refusals) - usual) if str(status) not in one.more)
    told = " ".join(part for part in (one.meaning, one.more, f"Also: {extra}." if extra else "") if part)
    return f"`{one.method} /api{one.path}`", f"`{one.needs}`", told


def _kind(one: Field) -> str:
    return f"`{one.kind}`{'' if one.required else ', optional'}"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"
