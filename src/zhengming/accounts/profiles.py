"""Service profiles: what an operator declares about one AI service, as frozen values with a strict JSON form.

A profile is read on every turn, so it is immutable and shared; it is changed by writing another one (see `service`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Literal, TypeVar, cast

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Audience, LabelPlacement, ServiceKind

LabelLanguage = Literal["auto", "zh-CN", "en", "both"]
UnscreenedPolicy = Literal["refuse", "allow"]

LABEL_LANGUAGES: Final = ("auto", "zh-CN", "en", "both")
UNSCREENED_POLICIES: Final = ("refuse", "allow")
FUNCTIONS: Final = ("chat", "completions", "responses", "embeddings")
MAX_RATE: Final = 1_000_000
MAX_QUOTA: Final = 1_000_000_000_000
"""The largest limits a minute and a day: they keep the limiter's arithmetic exact in Redis, which counts in doubles."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_PRODUCER = re.compile(r"[!#-\[\]-~]{1,128}")  # GB 45438-2025, annex: 0x21-0x7E, no backslash, no quote
_WORDING_MAX = 200

Item = TypeVar("Item", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Filing:
    """A filing with an authority: its kind (`algorithm`, `generative_ai`, `icp`, ...), its number, a free note."""

    kind: str
    number: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LabelPolicy:
    """Where the explicit label of a text stands, in which language, and the operator's own wording if any.

    The language `auto` is Chinese for who writes Chinese and both for everybody else, since GB 45438-2025 asks for
    Chinese words; `both` writes both always, `en` serves where the standard does not apply.
    """

    placement: LabelPlacement = LabelPlacement.END
    language: LabelLanguage = "auto"
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per API key and per end user; 0 means no limit. Rates are per minute, quotas per day."""

    key_requests_per_minute: int = 0
    person_requests_per_minute: int = 0
    key_requests_per_day: int = 0
    person_requests_per_day: int = 0
    key_tokens_per_day: int = 0
    person_tokens_per_day: int = 0


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """What the operator declares about a service.

    `audiences` are those the service may serve; who is unknown is treated as the strictest of them. `producer` is the
    provider code of GB 45438-2025 or an ASCII name, written into labels. `unscreened` says what happens when a
    detector fails. `models` maps a name that clients use to a model alias; empty means that every alias may be named.
    """

    id: str
    name: str
    kinds: frozenset[ServiceKind] = frozenset({ServiceKind.ASSISTANT})
    audiences: frozenset[Audience] = frozenset({Audience.ADULT})
    label: LabelPolicy = LabelPolicy()
    producer: str = "unnamed"
    filings: tuple[Filing, ...] = ()
    unscreened: UnscreenedPolicy = "refuse"
    limits: Limits = Limits()
    functions: frozenset[str] = frozenset(FUNCTIONS)
    models: Mapping[str, str] = field(default_factory=dict)

    def model(self, name: str) -> str | None:
        """Return the model alias behind a name that a client used, None when the service does not offer it."""
        return self.models.get(name) if self.models else name

    def check(self) -> ServiceProfile:
        """Return the profile itself; InvalidInputError names the first field that cannot be used."""
        _check_name(self.name)
        _require(bool(self.kinds), "kinds", "needs at least one kind")
        _require(bool(self.audiences), "audiences", "needs at least one audience")
        _require(self.functions <= set(FUNCTIONS), "functions", f"knows only {', '.join(FUNCTIONS)}")
        _require(self.unscreened in UNSCREENED_POLICIES, "unscreened", "is `refuse` or `allow`")
        _require(self.label.language in LABEL_LANGUAGES, "label.language", f"is one of {', '.join(LABEL_LANGUAGES)}")
        _require(len(self.label.wording) <= _WORDING_MAX, "label.wording", f"has at most {_WORDING_MAX} characters")
        _require(
            is_producer(self.producer),
            "producer",
            "is a provider code or a name of 1 to 128 printable ASCII characters without space, quote and backslash",
        )
        for limit in fields(self.limits):
            largest = MAX_RATE if limit.name.endswith("_minute") else MAX_QUOTA
            fits = 0 <= getattr(self.limits, limit.name) <= largest
            _require(fits, f"limits.{limit.name}", f"is a number from 0 to {largest}")
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the profile as JSON values, sets sorted, so that equal profiles have equal JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "kinds": sorted(self.kinds),
            "audiences": sorted(self.audiences),
            "label": {
                "placement": str(self.label.placement),
                "language": self.label.language,
                "wording": self.label.wording,
            },
            "producer": self.producer,
            "filings": [{"kind": one.kind, "number": one.number, "note": one.note} for one in self.filings],
            "unscreened": self.unscreened,
            "limits": {one.name: getattr(self.limits, one.name) for one in fields(self.limits)},
            "functions": sorted(self.functions),
            "models": dict(sorted(self.models.items())),
        }

    def dumps(self) -> str:
        """Return the JSON text that is stored."""
        return json.dumps(self.to_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def is_name(text: str) -> bool:
    """Whether a text can name a service."""
    return _NAME.fullmatch(text) is not None


def is_producer(text: str) -> bool:
    """Whether a text can stand as the provider in a label: 1 to 128 printable ASCII characters without some."""
    return _PRODUCER.fullmatch(text) is not None


def from_json(values: Mapping[str, Any]) -> ServiceProfile:
    """Read a profile from JSON values; what is left out takes its default.

    Raises InvalidInputError that names the field: an unknown field is refused, since a misspelt limit is no limit.
    """
    left = dict(values)
    profile = _read(left)
    _nothing_left(left, "")
    return profile.check()


def loads(text: str) -> ServiceProfile:
    """Read a stored profile; fields of a later release are passed over, so that replicas can be updated in turn."""
    return _read(json.loads(text)).check()


def _read(left: dict[str, Any]) -> ServiceProfile:
    try:
        return ServiceProfile(
            id=_text(left, "id", ""),
            name=_text(left, "name", None),
            kinds=_words(left, "kinds", ServiceKind, {ServiceKind.ASSISTANT}),
            audiences=_words(left, "audiences", Audience, {Audience.ADULT}),
            label=_label(left.pop("label", {})),
            producer=_text(left, "producer", "unnamed"),
            filings=tuple(_filing(one) for one in _sequence(left.pop("filings", ()), "filings")),
            unscreened=cast("UnscreenedPolicy", _text(left, "unscreened", "refuse")),
            limits=_limits(left.pop("limits", {})),
            functions=frozenset(str(one) for one in _sequence(left.pop("functions", FUNCTIONS), "functions")),
            models={str(name): str(alias) for name, alias in _object(left.pop("models", {}), "models").items()},
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(
            f"The service profile cannot be read: {error}.",
            next_step="See docs/how-to/services-and-keys.md for the fields.",
        ) from error


def _check_name(name: str) -> None:
    _require(
        is_name(name),
        "name",
        "has 1 to 64 of a-z, 0-9, dot, dash and underline, and begins and ends with a letter or digit",
    )


def _require(holds: bool, name: str, rule: str) -> None:  # noqa: FBT001 - reads as `require(condition, ...)`
    if not holds:
        raise InvalidInputError(
            f"The field `{name}` of the service profile {rule}.", next_step="Correct it and try again."
        )


def _nothing_left(left: Mapping[str, Any], where: str) -> None:
    if left:
        names = ", ".join(f"`{where}{name}`" for name in sorted(left))
        raise InvalidInputError(
            f"The service profile has no field {names}.",
            next_step="See docs/how-to/services-and-keys.md for the fields.",
        )


def _text(left: dict[str, Any], name: str, default: str | None) -> str:
    value = left.pop(name, default)
    _require(isinstance(value, str), name, "is a text")
    return cast("str", value)


def _object(value: Any, name: str) -> dict[str, Any]:
    _require(isinstance(value, Mapping), name, "is a JSON object")
    return dict(value)


def _sequence(value: Any, name: str) -> Iterable[Any]:
    _require(isinstance(value, list | tuple), name, "is a list")
    return cast("Iterable[Any]", value)


def _words(left: dict[str, Any], name: str, word: Callable[[str], Item], default: set[Item]) -> frozenset[Item]:
    if name not in left:
        return frozenset(default)
    return frozenset(word(one) for one in _sequence(left.pop(name), name))


def _label(value: Any) -> LabelPolicy:
    left = _object(value, "label")
    policy = LabelPolicy(
        placement=LabelPlacement(left.pop("placement", LabelPlacement.END)),
        language=left.pop("language", "auto"),
        wording=_text(left, "wording", ""),
    )
    _nothing_left(left, "label.")
    return policy


def _filing(value: Any) -> Filing:
    left = _object(value, "filings")
    filing = Filing(kind=_text(left, "kind", None), number=_text(left, "number", None), note=_text(left, "note", ""))
    _nothing_left(left, "filings.")
    return filing


def _limits(value: Any) -> Limits:
    left = _object(value, "limits")
    known = {one.name for one in fields(Limits)}
    given = {name: left.pop(name) for name in list(left) if name in known}
    _nothing_left(left, "limits.")
    for name, number in given.items():
        _require(isinstance(number, int) and not isinstance(number, bool), f"limits.{name}", "is a whole number")
    return Limits(**given)
