"""The OpenAPI document: what FastAPI derives from the models, and what every operation has in common."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from zhengming.console.api.problems import Problem

BODY_STATUSES: Final = frozenset({400, 408, 413, 415})
ABOUT: Final = """\
What the pages of the console show and do, for programs.

Send `Authorization: Bearer TOKEN`; the page `/tokens` of the console makes tokens. A token opens what its scopes and
the roles of its maker have in common, looked up at each request. Times are RFC 3339 in UTC, ids are texts, bodies are
JSON of at most 64 kB; unknown fields and parameters are refused. Every error is a problem document (RFC 9457) with a
stable `code` and the `next_step`."""

AREAS: Final = {
    "overview": "Figures.",
    "turns": "Turns: why each was judged so, its texts with a reason, its proof.",
    "services": "Services and what is declared about them.",
    "keys": "API keys of services.",
    "switches": "Emergency switches.",
    "upstreams": "Upstreams and how they fare.",
    "rules": "Rules in force.",
    "policy": "The policy in force.",
    "ledger": "The evidence log.",
    "health": "The process.",
    "staff": "Accounts of the staff, and who signed in.",
    "tokens": "Tokens of this API.",
    "about": "The installation.",
    "words": "Ids and their meanings.",
}


def document_of(app: FastAPI, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    used = {tag for route in app.routes for tag in getattr(route, "tags", [])}
    found = get_openapi(
        title="Zhengming management API",
        version=version,
        description=ABOUT,
        routes=app.routes,
        servers=[{"url": "/api"}],
        tags=[{"name": name, "description": text} for name, text in AREAS.items() if name in used],
    )
    parts = found.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    template = "#/components/schemas/{model}"
    made = Problem.model_json_schema(ref_template=template, mode="serialization")
    schemas.update(made.pop("$defs", {}))
    schemas["Problem"] = made
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of the management API."}
    }
    found["security"] = [{"token": []}]
    return found


def in_bytes(document: dict[str, Any]) -> bytes:
    """Return the document as it is served."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
