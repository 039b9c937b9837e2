"""The seven fields of the implicit label (GB 45438-2025, 6.1 and Annex E): writing them.

The writer is strict: key order, no white space, values of printable ASCII without backslash. What other writers leave
in the wild is judged by :mod:`zhengming.label.reading`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import Final

from zhengming.core.errors import InvalidInputError
from zhengming.label import provider_code

KEYS: Final[tuple[str, ...]] = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
TIERS: Final = {"1": "is generated", "2": "may be generated", "3": "is suspected to be generated"}
MAX_BYTES: Final = 65_536

_WRITABLE = re.compile(r"[!-\[\]-~]*")  # 0x21 to 0x7E without the backslash
_MAY_BE_EMPTY: Final = frozenset({"ReservedCode1", "ReservedCode2"})
_needed = itemgetter(*(place for place, key in enumerate(KEYS) if key not in _MAY_BE_EMPTY))
_TEMPLATE: Final = "{" + ",".join(f'"{key}":"%s"' for key in KEYS) + "}"


class LabelFieldError(InvalidInputError):
    """A value cannot stand in the label; `field` names the key as the standard spells it."""

    code = "label_field_invalid"

    def __init__(self, field: str, problem: str, next_step: str) -> None:
        super().__init__(f"The label field {field} {problem}.", next_step=next_step)
        self.field = field


@dataclass(frozen=True, slots=True)
class AigcFields:
    """The seven values, in the order of the standard. Any strings may be held; only writing is strict."""

    label: str
    content_producer: str
    produce_id: str
    reserved_code1: str
    content_propagator: str
    propagate_id: str
    reserved_code2: str

    def values(self) -> tuple[str, ...]:
        """Return the values in the order of :data:`KEYS`."""
        return (
            self.label,
            self.content_producer,
            self.produce_id,
            self.reserved_code1,
            self.content_propagator,
            self.propagate_id,
            self.reserved_code2,
        )

    def to_json(self) -> bytes:
        """Return the direct form: one JSON object, no spaces, keys in order.

        Raises LabelFieldError when a value may not be written.
        """
        _check_all(self)
        values = self.values()
        if any('"' in value for value in values):
            values = tuple(value.replace('"', '\\"') for value in values)
        data = (_TEMPLATE % values).encode("ascii")
        if len(data) > MAX_BYTES:
            raise LabelFieldError(
                "ReservedCode1 or ReservedCode2",
                f"makes the label {len(data)} bytes long",
                f"Keep the whole label within {MAX_BYTES} bytes.",
            )
        return data

    def to_wrapped_json(self) -> bytes:
        """Return the wrapped form `{"AIGC":{...}}`, for the slots whose guide asks for it; raises as `to_json`."""
        return b'{"AIGC":' + self.to_json() + b"}"


def first_write(producer: str, produce_id: str, tier: str = "1", reserved_code1: str = "") -> AigcFields:
    """Return the fields as the provider of the generation writes them first.

    The propagation fields repeat the production fields (Annex E, note 1): nobody has propagated the content yet.
    `producer` is a provider code or a name in printable ASCII without spaces; `tier` is `1`, `2` or `3`.
    Raises LabelFieldError for a value that may not be written, and for a producer that looks like a code but fails
    its check digits.
    """
    _check_party("ContentProducer", producer)
    fields = AigcFields(tier, producer, produce_id, reserved_code1, producer, produce_id, "")
    _check_all(fields)
    return fields


def propagated(fields: AigcFields, propagator: str, propagate_id: str, reserved_code2: str = "") -> AigcFields:
    """Return the fields as a platform writes them: its own two fields and reserve, the producer's left alone.

    Raises LabelFieldError as :func:`first_write` does.
    """
    _check_party("ContentPropagator", propagator)
    changed = replace(fields, content_propagator=propagator, propagate_id=propagate_id, reserved_code2=reserved_code2)
    _check_all(changed)
    return changed


def _check_all(fields: AigcFields) -> None:
    """Raise for the first field that may not be written. One expression passes what is right, as nearly all is."""
    values = fields.values()
    if fields.label in TIERS and all(_needed(values)) and _WRITABLE.fullmatch("".join(values)):
        return
    for key, value in zip(KEYS, values, strict=True):
        _check_writable(key, value)


def _check_writable(key: str, value: str) -> None:
    if not value and key not in _MAY_BE_EMPTY:
        raise LabelFieldError(key, "is empty", "Give a value; only the two reserved codes may be empty.")
    if not _WRITABLE.fullmatch(value):
        raise LabelFieldError(
            key,
            f"holds a character that may not be written: {value[:40]!r}",
            "Use printable ASCII (0x21 to 0x7E) without spaces and backslashes; a name that needs more "
            "is replaced by the provider code.",
        )
    if key == "Label" and value not in TIERS:
        raise LabelFieldError(key, f"is {value[:20]!r}", "Use 1 (is), 2 (may be) or 3 (suspected).")


@lru_cache(maxsize=256)
def _check_party(key: str, value: str) -> None:
    """Refuse a mistyped code, which would name somebody else or nobody."""
    if not provider_code.looks_like_code(value):
        return
    fault = provider_code.read(value).fault
    if fault is not None:
        raise LabelFieldError(
            key, f"looks like a provider code but is not valid ({fault.value}): {value[:40]!r}", "Correct the code."
        )
