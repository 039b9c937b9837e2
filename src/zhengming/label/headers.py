"""Response headers that carry the label beside an answer that must not be changed: JSON, tool calls, code.

Every value is printable ASCII, so that no value can end its line and begin another header.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from zhengming.label.aigc import AigcFields, LabelFieldError

LABEL: Final = b"x-aigc-label"
PRODUCER: Final = b"x-aigc-producer"
PRODUCE_ID: Final = b"x-aigc-produce-id"
NOTICE: Final = b"x-aigc-notice"
MAX_VALUE: Final = 1_024


def label_headers(fields: AigcFields, notice: str = "") -> list[tuple[bytes, bytes]]:
    """Return header pairs for ASGI: tier, producer, ProduceID and, when given, the explicit label's words.

    `notice` is percent-encoded UTF-8 (RFC 3986), which any client decodes with its URL function, so that an interface
    can show the label to people. Raises LabelFieldError for a value that may not stand in a header.
    """
    pairs = [
        (LABEL, _value("Label", fields.label)),
        (PRODUCER, _value("ContentProducer", fields.content_producer)),
        (PRODUCE_ID, _value("ProduceID", fields.produce_id)),
    ]
    if notice:
        pairs.append((NOTICE, _value("notice", quote(notice, safe=""))))
    return pairs


def _value(field: str, value: str) -> bytes:
    if not value or len(value) > MAX_VALUE or not value.isascii() or not value.isprintable() or " " in value:
        raise LabelFieldError(
            field,
            f"cannot stand in a response header: {value[:40]!r}",
            f"Use 1 to {MAX_VALUE} printable ASCII characters without spaces.",
        )
    return value.encode("ascii")
