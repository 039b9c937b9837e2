"""The model's own words, kept beside what was shown wherever the two differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from zhengming.gateway.transcript import CHANNEL_MARK
from zhengming.gateway.wire.base import Found
from zhengming.label.text import strip_own_labels


def said_apart(
    said: Mapping[str, str], shown: Mapping[str, str], found: Iterable[Found], *, wording: str = ""
) -> bytes | None:
    """Return the words to keep as JSON, None where what was shown says the same once our label is taken off.

    Both mappings are texts by channel; `wording` is the service's own label. An operator may change it later, and then
    nobody could take the old one off: where spans depend on that, the words are kept even though they are the same.
    """
    if _agree(said, shown, wording) and not (wording and any(reason.signal.span for _, reason in found)):
        return None
    return json.dumps({"channels": said}, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _agree(said: Mapping[str, str], shown: Mapping[str, str], wording: str) -> bool:
    if said.keys() != shown.keys() or any(CHANNEL_MARK in text for text in said.values()):
        return False  # a text with the mark of a channel in it cannot be told from two when the transcript is read
    own = (wording,) if wording else ()
    return all(text == said[channel] or strip_own_labels(text, own) == said[channel] for channel, text in shown.items())
