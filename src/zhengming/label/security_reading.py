"""Judging the `SecurityData` that somebody wrote into a reserved code. Never raises; safe on hostile input.

Both forms of the signed message are accepted (the fields, or SM3 of them), keys as SubjectPublicKeyInfo, as a point, as
a bare x and inside a certificate, and the spellings met in the wild; each is named by a remark. Size, nesting, the
number of entries and the number of signatures tried are bounded before anything is done with them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from zhengming.label import sm2
from zhengming.label.aigc import AigcFields
from zhengming.label.security_data import ALGORITHM, DEFAULT_NAMES, BindingNames, Part, compact, message

MAX_BYTES: Final = 65_536
MAX_BRACKETS: Final = 256  # bounds the nesting too
MAX_ENTRIES: Final = 64
MAX_TRIES: Final = 32  # signatures computed for one label, about 3 ms each

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_RAW_SIGNATURE: Final = 64
_BARE_X: Final = 32
_NUMBER_DIGITS: Final = 9
_METADATA_TYPES: Final = {"Md": True, "LabelMataData": False, "LabelMetaData": False, "LabelMetadata": False}
_BINDING_TYPES: Final = {"Bnd": True, "Binding": False}


class SecurityVerdict(StrEnum):
    """What the signature of a label is worth."""

    ABSENT = "absent"  # nothing that calls itself SecurityData: most producers write an opaque value
    INTACT = "intact"  # unchanged since the owner of the embedded key signed; who that is stays open
    INTACT_AND_PINNED = "intact_and_pinned"  # the same, and the reader knew the key before
    BROKEN = "broken"  # a signature does not fit, or signed content has changed
    UNSUPPORTED = "unsupported"  # nothing here that this version can check
    MALFORMED = "malformed"  # it cannot be read


class SecurityRemark(StrEnum):
    """What is worth saying about `SecurityData`; none of them changes the verdict by itself."""

    ALGORITHM_UNSUPPORTED = "algorithm_unsupported"
    BINDING_UNCHECKED = "binding_unchecked"
    BINDING_UNCONFIRMED = "binding_unconfirmed"
    CERTIFICATE_CHAIN_UNCHECKED = "certificate_chain_unchecked"
    ENVELOPE_MISSING = "envelope_missing"
    KEY_BARE_X = "key_bare_x"
    KEY_COMPRESSED = "key_compressed"
    KEY_MISSING = "key_missing"
    KEY_NOT_PINNED = "key_not_pinned"
    KEY_UNCOMPRESSED = "key_uncompressed"
    KEY_UNREADABLE = "key_unreadable"
    MESSAGE_PREHASHED = "message_prehashed"
    MESSAGE_UNCERTAIN = "message_uncertain"
    PRIVATE_PART_NOT_READ = "private_part_not_read"
    SIGNATURE_RAW = "signature_raw"
    SPELLING_BINDING = "spelling_binding"
    SPELLING_METADATA = "spelling_metadata"
    SPELLING_PUBSD = "spelling_pubsd"
    TOO_MANY_SIGNATURES = "too_many_signatures"
    TYPE_UNKNOWN = "type_unknown"
    UNSIGNED = "unsigned"
    VERSION_UNKNOWN = "version_unknown"


@dataclass(frozen=True, slots=True)
class SecurityReading:
    """What was read from one reserved code.

    `remarks` are sorted, each once. `key` is the key whose signature over the fields fits. `bound` holds the selections
    whose signed hash equals a hash that the caller computed.
    """

    verdict: SecurityVerdict
    remarks: tuple[SecurityRemark, ...] = ()
    key: sm2.PublicKey | None = None
    bound: tuple[str, ...] = ()


def read(
    fields: AigcFields,
    part: Part = Part.PRODUCTION,
    *,
    pinned: Collection[sm2.PublicKey] = (),
    content: Collection[bytes] = (),
    names: BindingNames = DEFAULT_NAMES,
    engine: sm2.Sm2Engine = sm2.DEFAULT_ENGINE,
) -> SecurityReading:
    """Judge the reserved code of `part`; never raises, whatever the fields hold.

    `content` are SM3 hashes of the selections that the caller could compute. A signed binding that equals none of them
    breaks the verdict when there are any, and is left unchecked when there are none.
    """
    text = fields.reserved_code1 if part is Part.PRODUCTION else fields.reserved_code2
    if "SecurityData" not in text and "PubSD" not in text and "PubSd" not in text:
        return SecurityReading(SecurityVerdict.ABSENT)
    judge = _Judge(fields, part, frozenset(pinned), frozenset(content), names, engine)
    try:
        judge.look_at(_parse(text))
    except _MalformedError:
        return judge.reading(SecurityVerdict.MALFORMED)
    return judge.conclude()


class _MalformedError(Exception):
    """Reading cannot go on."""


def _number(digits: str) -> int:
    if len(digits) > _NUMBER_DIGITS:
        raise _MalformedError
    return int(digits)


def _no_number(_text: str) -> Any:
    raise _MalformedError


def _parse(text: str) -> Any:
    """Parse JSON whose size and nesting were bounded first."""
    if len(text) > MAX_BYTES or text.count("{") + text.count("[") > MAX_BRACKETS:
        raise _MalformedError
    try:
        return json.loads(text, parse_int=_number, parse_float=_no_number, parse_constant=_no_number)
    except ValueError:
        raise _MalformedError from None


def _hex(value: Any) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise _MalformedError
    return bytes.fromhex(value)


def _entries(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MAX_ENTRIES or not all(isinstance(entry, dict) for entry in value):
        raise _MalformedError
    return value


@dataclass
class _Judge:
    """What was found so far in one reserved code."""

    fields: AigcFields
    part: Part
    pinned: frozenset[sm2.PublicKey]
    content: frozenset[bytes]
    names: BindingNames
    engine: sm2.Sm2Engine
    remarks: set[SecurityRemark] = field(default_factory=set)
    keys: dict[str, tuple[sm2.PublicKey, ...]] = field(default_factory=dict)
    bindings: list[dict[str, Any]] = field(default_factory=list)
    fitting: list[sm2.PublicKey] = field(default_factory=list)
    bound: list[str] = field(default_factory=list)
    broken: bool = False
    tries: int = 0

    def reading(self, verdict: SecurityVerdict) -> SecurityReading:
        key = self.fitting[0] if self.fitting else None
        return SecurityReading(verdict, tuple(sorted(self.remarks)), key, tuple(self.bound))

    def conclude(self) -> SecurityReading:
        """Conclude: one signature that does not fit breaks the label, whatever else fits."""
        if self.broken:
            return self.reading(SecurityVerdict.BROKEN)
        if not self.fitting:
            return self.reading(SecurityVerdict.UNSUPPORTED)
        if all(key in self.pinned for key in self.fitting):
            return self.reading(SecurityVerdict.INTACT_AND_PINNED)
        if self.pinned:
            self.remarks.add(SecurityRemark.KEY_NOT_PINNED)
        return self.reading(SecurityVerdict.INTACT)

    def look_at(self, found: Any) -> None:
        """Read the whole object; raises _MalformedError."""
        if isinstance(found, dict) and "SecurityData" in found:
            found = found["SecurityData"]
        else:
            self.remarks.add(SecurityRemark.ENVELOPE_MISSING)
        if not isinstance(found, dict):
            raise _MalformedError
        if found.get("Type") != "TC260PG":
            self.remarks.add(SecurityRemark.TYPE_UNKNOWN)
        if found.get("Version") not in (1, "1"):
            self.remarks.add(SecurityRemark.VERSION_UNKNOWN)
        if found.get("PrivSD"):
            self.remarks.add(SecurityRemark.PRIVATE_PART_NOT_READ)
        self.bindings = _entries(found.get("Bindings", []))
        public = _entries(self._public_part(found))
        for entry in public:
            self._note_key(entry)
        signatures = [entry for entry in public if entry.get("Type") == "DS"]
        if not signatures:
            self.remarks.add(SecurityRemark.UNSIGNED)
        for entry in sorted(signatures, key=_is_binding):
            self._check(entry)
        self._note_unsigned_bindings()

    def _public_part(self, found: dict[str, Any]) -> Any:
        if "PubSD" not in found and "PubSd" in found:
            self.remarks.add(SecurityRemark.SPELLING_PUBSD)
            return found["PubSd"]
        return found.get("PubSD", [])

    def _note_key(self, entry: dict[str, Any]) -> None:
        if "KeyValue" not in entry:
            return
        if not self._supported(entry):
            return
        keys = tuple(self._keys_in(_hex(entry["KeyValue"])))
        if not keys:
            self.remarks.add(SecurityRemark.KEY_UNREADABLE)
        self.keys[_key_id(entry)] = keys

    def _keys_in(self, value: bytes) -> Iterator[sm2.PublicKey]:
        """Yield the keys that this value may stand for; a bare x stands for two."""
        if len(value) == _BARE_X:
            self.remarks.add(SecurityRemark.KEY_BARE_X)
            yield from sm2.points_of_x(int.from_bytes(value, "big"))
            return
        key = sm2.point_from(value)
        if key is not None:
            if value[0] == 4:  # noqa: PLR2004 - the mark of an uncompressed point
                self.remarks.add(SecurityRemark.KEY_UNCOMPRESSED)
            elif value != key.spki():
                self.remarks.add(SecurityRemark.KEY_COMPRESSED)
        elif (key := sm2.point_in_certificate(value)) is not None:
            self.remarks.add(SecurityRemark.CERTIFICATE_CHAIN_UNCHECKED)
        if key is not None:
            yield key

    def _supported(self, entry: dict[str, Any]) -> bool:
        if entry.get("AlgID", ALGORITHM) == ALGORITHM:
            return True
        self.remarks.add(SecurityRemark.ALGORITHM_UNSUPPORTED)
        return False

    def _check(self, entry: dict[str, Any]) -> None:
        """Look at one signature."""
        signed = entry.get("TBSData")
        if not isinstance(signed, dict):
            raise _MalformedError
        if not self._supported(entry):
            return
        kind = signed.get("Type")
        if kind in tuple(_METADATA_TYPES):
            if not _METADATA_TYPES[kind]:
                self.remarks.add(SecurityRemark.SPELLING_METADATA)
            self._check_metadata(entry)
        elif kind in tuple(_BINDING_TYPES):
            if not _BINDING_TYPES[kind]:
                self.remarks.add(SecurityRemark.SPELLING_BINDING)
            self._check_binding(entry, signed)
        else:
            self.remarks.add(SecurityRemark.TYPE_UNKNOWN)

    def _check_metadata(self, entry: dict[str, Any]) -> None:
        keys = self.keys.get(_key_id(entry)) or tuple(self.pinned)[:MAX_ENTRIES]
        if not keys:
            self.remarks.add(SecurityRemark.KEY_MISSING)
            return
        fitting = self._fitting(keys, message(self.fields, self.part), entry)
        if fitting is not None:
            self.fitting.append(fitting)
        elif self.part is Part.PROPAGATION:
            self.remarks.add(
                SecurityRemark.MESSAGE_UNCERTAIN
            )  # what a platform signs is not public: no proof of a change
        elif SecurityRemark.TOO_MANY_SIGNATURES not in self.remarks:
            self.broken = True

    def _check_binding(self, entry: dict[str, Any], signed: dict[str, Any]) -> None:
        """Look at the signature over a binding. What it covers is not public: one that does not fit says nothing."""
        place = signed.get("Index", 0)
        if not isinstance(place, int) or not 0 <= place < len(self.bindings):
            raise _MalformedError
        binding = self.bindings[place]
        # Only a key that also signed the fields: another one could have been added together with another content.
        if self._fitting(tuple(dict.fromkeys(self.fitting)), compact(binding), entry) is None:
            self.remarks.add(SecurityRemark.BINDING_UNCONFIRMED)
            return
        value = binding.get(self.names.value)
        selection = binding.get(self.names.selection)
        if not self.content or not isinstance(value, str) or not isinstance(selection, str):
            self.remarks.add(SecurityRemark.BINDING_UNCHECKED)
        elif _hex(value) in self.content:
            self.bound.append(selection)
        else:
            self.broken = True

    def _note_unsigned_bindings(self) -> None:
        seen = {SecurityRemark.BINDING_UNCHECKED, SecurityRemark.BINDING_UNCONFIRMED} & self.remarks
        if len(self.bindings) > len(self.bound) and not seen and not self.broken:
            self.remarks.add(SecurityRemark.BINDING_UNCONFIRMED)

    def _fitting(self, keys: tuple[sm2.PublicKey, ...], said: bytes, entry: dict[str, Any]) -> sm2.PublicKey | None:
        """Return the key with which the signature fits either form of the message."""
        signature = self._signature(entry)
        for form, prehashed in ((said, False), (sm2.sm3(said), True)):
            for key in keys:
                if self.tries >= MAX_TRIES:
                    self.remarks.add(SecurityRemark.TOO_MANY_SIGNATURES)
                    return None
                self.tries += 1
                if sm2.verify(key, form, signature, engine=self.engine):
                    if prehashed:
                        self.remarks.add(SecurityRemark.MESSAGE_PREHASHED)
                    return key
        return None

    def _signature(self, entry: dict[str, Any]) -> bytes:
        value = _hex(entry.get("Signature"))
        if len(value) != _RAW_SIGNATURE:
            return value
        self.remarks.add(SecurityRemark.SIGNATURE_RAW)
        half = _RAW_SIGNATURE // 2
        return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))


def _is_binding(entry: dict[str, Any]) -> bool:
    """Whether this is a signature over a binding; those are looked at last."""
    signed = entry.get("TBSData")
    return isinstance(signed, dict) and signed.get("Type") in tuple(_BINDING_TYPES)


def _key_id(entry: dict[str, Any]) -> str:
    """Return the id that ties a signature to its key; left out it is 0."""
    value = entry.get("KeyID", 0)
    if not isinstance(value, (int, str)):
        raise _MalformedError
    return str(value)
