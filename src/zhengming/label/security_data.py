"""`SecurityData` in ReservedCode1 and ReservedCode2 (TC260-PG-202511A): a signature over the label's own fields.

The key stands beside the signature, so a good signature proves that nobody changed the signed fields without that key,
not who signed. Only a key that the reader had before (`pinned`) says more. Building is strict; what others wrote
is judged by :mod:`zhengming.label.security_reading`.

The public text of the guide leaves open the fields of `Bindings` and what a signature over one covers. What we write
there follows :class:`BindingNames`, a setting that is marked as uncertain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from zhengming.core.errors import InvalidInputError
from zhengming.label import sm2
from zhengming.label.aigc import AigcFields

ALGORITHM: Final = "1.2.156.10197.1.501"  # SM3withSM2
HASH_ALGORITHM: Final = "1.2.156.10197.1.401"  # SM3
_HASH_BYTES: Final = 32


class Part(StrEnum):
    """Whose fields are signed. The guide gives the message for `production`; for `propagation` ours is an analogy."""

    PRODUCTION = "production"
    PROPAGATION = "propagation"


@dataclass(frozen=True, slots=True)
class BindingNames:
    """How an entry of `Bindings` spells its parts. Uncertain: the guide's own names were not found."""

    kind: str = "BType"
    selection: str = "CntSel"
    algorithm: str = "HashAlgID"
    value: str = "HashValue"
    certain: bool = False


DEFAULT_NAMES: Final = BindingNames()


@dataclass(frozen=True, slots=True)
class ContentBinding:
    """A hash of content that the signature shall cover.

    `selection` says in printable ASCII which bytes were hashed (a label cannot cover the file that it stands in);
    `digest` is their SM3 hash, 32 bytes.
    """

    selection: str
    digest: bytes


def message(fields: AigcFields, part: Part = Part.PRODUCTION) -> bytes:
    """Return what is signed: the three fields as they stand in the label, without braces (Annex A.1)."""
    produced = part is Part.PRODUCTION
    values = (
        ("Label", fields.label),
        ("ContentProducer" if produced else "ContentPropagator", _party(fields, produced=produced)),
        ("ProduceID" if produced else "PropagateID", fields.produce_id if produced else fields.propagate_id),
    )
    text = ",".join('"{}":"{}"'.format(key, value.replace('"', '\\"')) for key, value in values)
    return text.encode("utf-8", "surrogatepass")


def _party(fields: AigcFields, *, produced: bool) -> str:
    return fields.content_producer if produced else fields.content_propagator


def build(
    fields: AigcFields,
    key: sm2.PrivateKey,
    part: Part = Part.PRODUCTION,
    *,
    bindings: Sequence[ContentBinding] = (),
    names: BindingNames = DEFAULT_NAMES,
    prehash: bool = False,
    extra: bytes = b"",
    engine: sm2.Sm2Engine = sm2.DEFAULT_ENGINE,
) -> str:
    """Return the value for a reserved code: JSON without spaces, printable ASCII, no backslash (Annex E j).

    The same arguments give the same text, unless `extra` holds random bytes (see :func:`sm2.sign`). `prehash` signs
    SM3(message) in place of the message, as one large producer does. Raises InvalidInputError for a binding that may
    not be written.
    """
    entries = [_binding_entry(binding, names) for binding in bindings]
    public: list[dict[str, object]] = []
    said: list[tuple[dict[str, object], bytes]] = [({"Type": "Md"}, message(fields, part))]
    said += [({"Type": "Bnd", "Index": place}, compact(entry)) for place, entry in enumerate(entries)]
    for signed, text in said:
        made = sm2.sign(key, sm2.sm3(text) if prehash else text, extra=extra, engine=engine)
        public.append({"Type": "DS", "AlgID": ALGORITHM, "KeyID": 0, "TBSData": signed, "Signature": made.hex()})
    public.append({"Type": "PubKey", "AlgID": ALGORITHM, "KeyID": 0, "KeyValue": key.public(engine).spki().hex()})
    body = {"Type": "TC260PG", "Version": 1, "Bindings": entries, "PrivSD": [], "PubSD": public}
    return compact({"SecurityData": body}).decode("ascii")


def signed(
    fields: AigcFields, key: sm2.PrivateKey, part: Part = Part.PRODUCTION, *, bindings: Sequence[ContentBinding] = ()
) -> AigcFields:
    """Return the fields with `SecurityData` of `part` in its reserved code; raises as :func:`build`."""
    value = build(fields, key, part, bindings=bindings)
    return replace(fields, reserved_code1=value) if part is Part.PRODUCTION else replace(fields, reserved_code2=value)


def compact(value: object) -> bytes:
    """Return JSON without spaces, keys in their order: the form of an entry that a signature over it covers."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _binding_entry(binding: ContentBinding, names: BindingNames) -> dict[str, str]:
    selection = binding.selection
    plain = all("!" <= character <= "~" and character not in '"\\' for character in selection)
    if not selection or not plain:
        raise InvalidInputError(
            f"The content selection {selection[:40]!r} of a binding may not be written.",
            next_step="Use printable ASCII without spaces, quotes and backslashes, such as payload.",
        )
    if len(binding.digest) != _HASH_BYTES:
        raise InvalidInputError(
            f"The hash of a binding is {len(binding.digest)} bytes long.", next_step="Give an SM3 hash, 32 bytes."
        )
    return {
        names.kind: "Hash",
        names.selection: selection,
        names.algorithm: HASH_ALGORITHM,
        names.value: binding.digest.hex(),
    }
