"""A JSON value that fits a JSON schema: enough of the language for structured output and tool arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_DEEPEST: Final = 16
_MOST_ITEMS: Final = 8
_PHONE: Final = ("phone", "mobile", "tel", "手机", "电话")


class Sampler:
    """Fills schemas. Long texts come from `texts` first, one for each string, then short stand-ins follow."""

    def __init__(self, root: Mapping[str, Any], texts: Iterator[str], language: str) -> None:
        self._root = root
        self._texts = texts
        self._stand_in = "示例" if language == "zh" else "sample"

    def value(self, schema: Any = None, name: str = "", depth: int = 0) -> Any:
        """Return a value that fits `schema`, by default the root; None where the schema goes too deep."""
        schema = self._resolved(self._root if schema is None else schema)
        if depth > _DEEPEST or not isinstance(schema, Mapping):
            return None
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][0]
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(key), list) and schema[key]:
                return self.value(schema[key][0], name, depth + 1)
        return self._of_type(_type_of(schema), schema, name, depth)

    def _of_type(self, kind: str, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        if kind == "object":
            properties = schema.get("properties")
            known = properties if isinstance(properties, Mapping) else {}
            return {str(key): self.value(part, str(key), depth + 1) for key, part in known.items()}
        if kind == "array":
            count = max(1, int(_number(schema.get("minItems"), 1)))
            return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(min(count, _MOST_ITEMS))]
        plain = {"integer": int(_number(schema.get("minimum"), 1)), "boolean": True, "null": None}
        plain["number"] = _number(schema.get("minimum"), 1)
        return plain[kind] if kind in plain else self._text(schema, name)

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        if any(word in name.lower() for word in _PHONE):
            return "13800138000"
        text = next(self._texts, self._stand_in)
        longest = schema.get("maxLength")
        return text[:longest] if isinstance(longest, int) and longest >= 0 else text

    def _resolved(self, schema: Any) -> Any:
        """Follow `#/...` references within the root."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, Mapping) or not isinstance(schema.get("$ref"), str):
                return schema
            found: Any = self._root
            for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
                found = found.get(step) if isinstance(found, Mapping) and step else found
            schema = found
        return {}


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _number(given: Any, default: int) -> Any:
    return given if isinstance(given, int | float) and not isinstance(given, bool) else default
