"""Vectors that depend on the text alone, in the shape of `/v1/embeddings`. They mean nothing."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from zhengming.gateway.upstreams.rehearsal.asked import Unreadable
from zhengming.gateway.upstreams.rehearsal.cutting import noise, seed_of

_DIMENSIONS: Final = 64
_MOST: Final = 4096


def whole(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a vector of length 1 for each input. Raises Unreadable."""
    given = body.get("input")
    texts: list[Any] = given if isinstance(given, list) and not _is_tokens(given) else [given]
    if not texts or not all(isinstance(one, str) or _is_tokens(one) for one in texts):
        raise Unreadable("`input` must be a text, a list of tokens, or a list of these.")
    dimensions = body.get("dimensions", _DIMENSIONS)
    if not isinstance(dimensions, int) or not 0 < dimensions <= _MOST:
        raise Unreadable(f"`dimensions` must be 1 to {_MOST}.")
    packed = body.get("encoding_format") == "base64"
    vectors = [_vector(str(one), dimensions) for one in texts]
    count = sum(len(one) for one in texts)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": body.get("model"),
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }


def _is_tokens(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(isinstance(one, int) for one in given)


def _vector(text: str, dimensions: int) -> list[float]:
    values = [byte - 127.5 for byte in islice(noise(seed_of("embed", text)), dimensions)]
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
