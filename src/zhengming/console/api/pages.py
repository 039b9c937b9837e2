"""The page `/api/docs`: the document, rendered on the server in the console's own style."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from zhengming.console.api.problems import ApiError
from zhengming.console.asked import Asked
from zhengming.console.context import Console
from zhengming.console.guard import signed_in, view_of
from zhengming.core.errors import ZhengmingError

_BODY: Final = "application/json"
_SAMPLES: Final[Mapping[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "array": [],
    "object": {},
}
_DEEPEST: Final = 8

Schema = Mapping[str, Any]


class Field(NamedTuple):
    """One parameter or member. `kind` is its type in words, `link` the model that it is made of."""

    name: str
    kind: str
    link: str
    required: bool
    text: str


class Shown(NamedTuple):
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    meaning: str
    more: str
    permission: str
    parameters: tuple[Field, ...]
    body: Field | None
    answers: tuple[tuple[str, str, str], ...]  # status, what it means, the model
    curl: str


class Section(NamedTuple):
    """The operations of one area."""

    name: str
    text: str
    operations: tuple[Shown, ...]


class Model(NamedTuple):
    """One model: an object with `fields`, or a choice among `values`."""

    name: str
    text: str
    fields: tuple[Field, ...]
    values: tuple[str, ...]
    example: str


class Fault(NamedTuple):
    """One kind of problem."""

    code: str
    status: int
    text: str


async def docs_page(console: Console, request: Request, document: Schema) -> Response:
    """Render the page, for anybody; who is signed in reads it in their own language and with the menu."""
    found = await signed_in(console, request)
    member, session = found if found is not None else (None, None)
    asked = Asked(request, console, view_of(console, request, member), member, session)
    address = (console.facts.address or str(request.base_url).rstrip("/").removesuffix("/api")).rstrip("/")
    return asked.page(
        "api/docs.html",
        document=document,
        sections=sections_of(document, address),
        models=models_of(document),
        faults=faults(),
        address=address,
    )


def sections_of(document: Schema, address: str) -> tuple[Section, ...]:
    """Return the operations by area, in the order of the document."""
    found: dict[str, list[Shown]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append(_shown(document, method.upper(), path, operation, address))
    return tuple(Section(tag["name"], tag["description"], tuple(found[tag["name"]])) for tag in document["tags"])


def models_of(document: Schema) -> tuple[Model, ...]:
    """Return every model, by name."""
    schemas = document["components"]["schemas"]
    return tuple(
        Model(
            name,
            schema.get("description", ""),
            tuple(
                _field(member, part, required=member in schema.get("required", ()))
                for member, part in schema.get("properties", {}).items()
            ),
            tuple(str(value) for value in schema.get("enum", ())),
            _json(example_of(schema, document)),
        )
        for name, schema in sorted(schemas.items())
    )


def faults() -> tuple[Fault, ...]:
    """Return every kind of problem that this process knows, by code."""
    found: dict[str, Fault] = {}
    for kind in _kinds(ZhengmingError):
        if kind is not ApiError:
            found.setdefault(kind.code, Fault(kind.code, kind.status, (kind.__doc__ or "").strip().partition("\n")[0]))
    return tuple(found[code] for code in sorted(found))


def example_of(schema: Schema, document: Schema, depth: int = 0) -> Any:
    """Return a value that fits a schema, of its examples and defaults where it has any."""
    schema = _resolved(schema, document)
    for given in (
        schema.get("examples", ()),
        [schema["default"]] if "default" in schema else (),
        schema.get("enum", ()),
    ):
        if given:
            return given[0]
    if schema.get("anyOf"):
        return example_of(schema["anyOf"][0], document, depth)
    if "properties" in schema and depth < _DEEPEST:
        return {name: example_of(part, document, depth + 1) for name, part in schema["properties"].items()}
    if schema.get("type") == "array" and depth < _DEEPEST:
        return [example_of(schema.get("items", {}), document, depth + 1)]
    return _SAMPLES.get(schema.get("type", "string"))


def _shown(document: Schema, method: str, path: str, operation: Schema, address: str) -> Shown:
    body = operation.get("requestBody", {}).get("content", {}).get(_BODY, {}).get("schema")
    return Shown(
        id=operation["operationId"],
        method=method,
        path=path,
        meaning=operation["summary"],
        more=operation.get("description", ""),
        permission=operation["x-permission"],
        parameters=tuple(
            _field(one["name"], {**one["schema"], "description": one.get("description", "")}, required=one["required"])
            for one in operation.get("parameters", ())
        ),
        body=None if body is None else _field("body", body, required=True),
        answers=tuple(_answers(operation["responses"])),
        curl=_curl(document, method, path, operation, address),
    )


def _answers(responses: Schema) -> Iterator[tuple[str, str, str]]:
    for status, response in responses.items():
        schemas = [content.get("schema", {}) for content in response.get("content", {}).values()]
        name = next((_name_of(schema) for schema in schemas), "")
        yield status, response["description"], name


def _curl(document: Schema, method: str, path: str, operation: Schema, address: str) -> str:
    parameters = operation.get("parameters", ())
    samples = {one["name"]: example_of(one["schema"], document) for one in parameters if one["in"] == "path"}
    filled = re.sub(r"\{([a-z_]+)\}", lambda found: str(samples[found[1]]), path)
    required = [one for one in parameters if one["in"] == "query" and one["required"]]
    query = "&".join(f"{one['name']}={example_of(one['schema'], document)}" for one in required)
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}'{address}/api{filled}{'?' + query if query else ''}'"]
    lines.append('-H "Authorization: Bearer $TOKEN"')
    headers = [one for one in parameters if one["in"] == "header" and one["required"]]
    lines += [f"-H '{one['name']}: {example_of({**one['schema'], **_examples(one)}, document)}'" for one in headers]
    body = operation.get("requestBody", {}).get("content", {}).get(_BODY, {}).get("schema")
    if body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{json.dumps(_needed(body, document), ensure_ascii=False)}'")
    return " \\\n  ".join(lines)


def _examples(parameter: Schema) -> Schema:
    return {"examples": parameter["examples"]} if isinstance(parameter.get("examples"), list) else {}


def _needed(schema: Schema, document: Schema) -> Any:
    """The smallest body that may be sent: what is required, all the way down."""
    schema = _resolved(schema, document)
    if "properties" not in schema:
        return example_of(schema, document)
    return {name: _needed(schema["properties"][name], document) for name in schema.get("required", ())}


def _field(name: str, schema: Schema, *, required: bool) -> Field:
    return Field(name, _kind(schema), _name_of(schema), required, _text(schema))


def _text(schema: Schema) -> str:
    found = str(schema.get("description", ""))
    values = schema.get("enum") or schema.get("items", {}).get("enum")
    if values:
        found = f"{found} {', '.join(str(one) for one in values)}".strip()
    return found


def _kind(schema: Schema) -> str:
    """The type in words."""
    if "$ref" in schema:
        return _name_of(schema)
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    kind = str(schema.get("type", "any"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _name_of(schema: Schema) -> str:
    """The model that a schema is made of, an empty text for none."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    parts: Sequence[Schema] = schema.get("anyOf") or ([schema["items"]] if "items" in schema else [])
    return next((name for name in map(_name_of, parts) if name), "")


def _resolved(schema: Schema, document: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][_name_of(schema)]
    return schema


def _kinds(kind: type[ZhengmingError]) -> Iterator[type[ZhengmingError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
