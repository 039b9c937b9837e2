"""Parse JSON for judging: strictly for requests, leniently for what an upstream answers.

A request is refused when two parsers could read two texts in it: an upstream may take the first of two members of one
name where we judged the last. Numbers and lone surrogates are no danger, since the original bytes travel on.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from zhengming.gateway.wire.errors import RequestError, UpstreamGarbageError
from zhengming.gateway.wire.splice import MAX_DEPTH, is_deeper_than

_MAX_DIGITS: Final = 4_000  # int() refuses 4,300 digits and more, since reading them costs quadratic time


class _DuplicateKeyError(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a request body.

    Integers beyond 64 bits and lone surrogates are kept; an integer of more than 4,000 digits reads as infinity.
    Raises RequestError (400) for bytes that are not UTF-8, text that is not JSON (`NaN` and `Infinity` included),
    a value that is no object, a member name that stands twice in one object, and brackets nested deeper than 200.
    """
    if is_deeper_than(raw):
        raise RequestError(
            f"the body nests brackets deeper than {MAX_DEPTH}", code="json_too_deep", next_step="Flatten it."
        )
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise RequestError(
            f"the body is not UTF-8 at byte {error.start}", code="invalid_json", next_step="Send JSON encoded as UTF-8."
        ) from None
    try:
        parsed = _DECODER.decode(text)
    except _DuplicateKeyError as error:
        raise RequestError(
            f"the member {error.key[:80]!r} stands twice in one object of the body",
            code="duplicate_key",
            next_step="Send each member once: programs differ in which one they read.",
        ) from None
    except (ValueError, RecursionError) as error:
        raise RequestError(
            f"the body is not valid JSON: {error}", code="invalid_json", next_step="Send one JSON object."
        ) from None
    if not isinstance(parsed, dict):
        raise RequestError("the body is JSON but no object", code="invalid_json", next_step="Send one JSON object.")
    return parsed


def parse_answer(raw: bytes) -> Any:
    """Return the JSON value that an upstream sent. Raises ValueError when it is not JSON, or is too deep."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return parse_leniently(raw)


def parse_listing(raw: bytes, member: str) -> dict[str, Any]:
    """Return an upstream's answer whose `member` is a list of objects, such as `choices`.

    Raises UpstreamGarbageError for anything else; nothing of it may be shown then.
    """
    try:
        parsed = parse_answer(raw)
    except ValueError:
        raise UpstreamGarbageError("the upstream's answer is no JSON") from None
    listed = parsed.get(member) if isinstance(parsed, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise UpstreamGarbageError(f"the upstream's answer is no JSON object with a list `{member}`")
    return dict(parsed)


def parse_leniently(raw: bytes) -> Any:
    """Parse what orjson refuses and others write: lone surrogates, and `NaN` from Python servers."""
    if is_deeper_than(raw):
        raise ValueError(f"the JSON nests deeper than {MAX_DEPTH}")
    try:
        return json.loads(raw.decode(), parse_int=_integer)
    except RecursionError:
        raise ValueError("the JSON nests too deep") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return members


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse_constant, parse_int=_integer)
