"""`FIELD=VALUE` words of the command line, laid over the JSON of a profile."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from zhengming.core.errors import InvalidInputError

_LISTS: Final = frozenset({"kinds", "audiences", "functions"})
_TEXTS: Final = frozenset({"name", "producer", "unscreened", "label.placement", "label.language", "label.wording"})


def assigned(profile: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Return a copy of the profile with each `FIELD=VALUE` laid over it, in order.

    A field may be inside another (`label.placement`, `limits.key_requests_per_minute`, `models.NAME`). Lists are
    separated by commas; other values are JSON. Raises InvalidInputError that names the word; `profiles.from_json` then
    checks the rest.
    """
    result = copy.deepcopy(dict(profile))
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise InvalidInputError(
                f"{word!r} is no FIELD=VALUE.", next_step="Write for example limits.key_tokens_per_day=100000."
            )
        if name == "id":
            raise InvalidInputError(
                "The id of a service cannot be chosen or changed.", next_step="Set its `name` instead."
            )
        outer, _, inner = name.partition(".")
        if not inner:
            result[outer] = _value(name, value)
        elif isinstance(place := result.setdefault(outer, {}), dict):
            place[inner] = _value(name, value)
        else:
            raise InvalidInputError(
                f"The field {outer!r} has no inner field {inner!r}.", next_step=f"Set {outer!r} as a whole."
            )
    return result


def _value(name: str, text: str) -> Any:
    if name in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if name in _TEXTS or name.startswith("models."):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInputError(
            f"{name}={text!r} is no JSON value.", next_step="Write a number, or a JSON list or object."
        ) from error
