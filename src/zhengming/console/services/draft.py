"""A service's profile as a form holds it: every value as it was typed, with what is wrong beside its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple, cast

from zhengming.accounts import profiles
from zhengming.accounts.profiles import (
    FUNCTIONS,
    LABEL_LANGUAGES,
    MAX_QUOTA,
    MAX_RATE,
    UNSCREENED_POLICIES,
    Filing,
    LabelLanguage,
    LabelPolicy,
    Limits,
    ServiceProfile,
    UnscreenedPolicy,
)
from zhengming.core.errors import InvalidInputError
from zhengming.core.i18n import translate
from zhengming.core.words import Audience, LabelPlacement, ServiceKind
from zhengming.label import provider_code
from zhengming.label.text import MAX_WORDING, carries_both_elements, check_wording
from zhengming.web.forms import Form

LIMITS: Final = tuple(one.name for one in fields(Limits))
SPARE_FILINGS: Final = 2
MAX_WHY: Final = 500
_LONG: Final = 20_000
_LIST: Final = 200
_WORDED: Final = {
    "kinds": ("words", "ServiceKind"),
    "audiences": ("words", "Audience"),
    "placement": ("words", "LabelPlacement"),
    "language": ("services", "language"),
    "unscreened": ("services", "unscreened"),
    "functions": ("services", "function"),
}


class Problem(NamedTuple):
    """What is wrong with a field: the key of a text `services:error.<key>` and its values."""

    key: str
    values: Mapping[str, object]


Problems = dict[str, Problem]


class FilingRow(NamedTuple):
    """One line of the filings."""

    kind: str = ""
    number: str = ""
    note: str = ""


@dataclass(slots=True)
class Draft:
    """What stands in the form. Limits are text by name, models are lines `name = alias`."""

    name: str = ""
    kinds: list[str] = field(default_factory=list)
    audiences: list[str] = field(default_factory=list)
    placement: str = str(LabelPlacement.END)
    language: str = "auto"
    wording: str = ""
    producer: str = ""
    filings: list[FilingRow] = field(default_factory=list)
    unscreened: str = "refuse"
    functions: list[str] = field(default_factory=list)
    models: str = ""
    limits: dict[str, str] = field(default_factory=dict)
    why: str = ""

    def differing(self, other: Draft) -> list[str]:
        """Return the names of the fields in which two drafts differ, the reason left out."""
        names = [one.name for one in fields(self) if one.name != "why"]
        return [name for name in names if getattr(self, name) != getattr(other, name)]

    def shown(self, name: str, language: str) -> str:
        """Return a field as one line of text, in a reader's words."""
        value, comma = getattr(self, name), translate("services", "comma", language)
        if name == "limits":
            return comma.join(
                f"{translate('services', f'limit.{key}', language)} {number}" for key, number in value.items() if number
            )
        if name == "filings":
            return comma.join(" ".join(row).strip() for row in value)
        if name in _WORDED:
            domain, kind = _WORDED[name]
            chosen = [value] if isinstance(value, str) else value
            return comma.join(translate(domain, f"{kind}.{one}", language) for one in chosen)
        return " / ".join(str(value).splitlines())


def draft_of(profile: ServiceProfile) -> Draft:
    """Return the form of a profile."""
    limits = {name: str(getattr(profile.limits, name) or "") for name in LIMITS}
    return Draft(
        name=profile.name,
        kinds=sorted(profile.kinds),
        audiences=sorted(profile.audiences),
        placement=str(profile.label.placement),
        language=profile.label.language,
        wording=profile.label.wording,
        producer=profile.producer,
        filings=[FilingRow(one.kind, one.number, one.note) for one in profile.filings],
        unscreened=profile.unscreened,
        functions=sorted(profile.functions),
        models="\n".join(f"{name} = {alias}" for name, alias in sorted(profile.models.items())),
        limits=limits,
    )


def read_draft(form: Form) -> Draft:
    """Return what was typed; nothing of it is checked here but its length."""
    rows = zip(form.all("filing_kind"), form.all("filing_number"), form.all("filing_note"), strict=False)
    cleaned = [FilingRow(*(part.strip()[:_LIST] for part in row)) for row in rows]
    return Draft(
        name=form.text("name"),
        kinds=_list(form, "kinds"),
        audiences=_list(form, "audiences"),
        placement=form.text("placement"),
        language=form.text("language"),
        wording=form.text("wording"),
        producer=form.text("producer"),
        filings=[row for row in cleaned if any(row)],
        unscreened=form.text("unscreened"),
        functions=_list(form, "functions"),
        models=form.text("models", max=_LONG).replace("\r\n", "\n"),
        limits={name: form.text(name) for name in LIMITS},
        why=form.text("why", max=_LONG),
    )


def profile_of(draft: Draft, service_id: str) -> tuple[ServiceProfile | None, Problems]:
    """Return the profile that a draft describes, or None and what is wrong, by field."""
    problems: Problems = {}
    _check_words(draft, problems)
    _check_label(draft, problems)
    models = _models(draft, problems)
    limits = _limits(draft, problems)
    for number, row in enumerate(draft.filings, 1):
        if not row.kind or not row.number:
            problems["filings"] = Problem("filing", {"number": number})
    if problems:
        return None, problems
    profile = ServiceProfile(
        id=service_id,
        name=draft.name,
        kinds=frozenset(ServiceKind(one) for one in draft.kinds),
        audiences=frozenset(Audience(one) for one in draft.audiences),
        label=LabelPolicy(LabelPlacement(draft.placement), cast("LabelLanguage", draft.language), draft.wording),
        producer=draft.producer,
        filings=tuple(Filing(row.kind, row.number, row.note) for row in draft.filings),
        unscreened=cast("UnscreenedPolicy", draft.unscreened),
        limits=Limits(**limits),
        functions=frozenset(draft.functions),
        models=models,
    )
    return profile, problems


def check_why(why: str, problems: Problems) -> None:
    """Note a missing or overlong reason."""
    if not why:
        problems["why"] = Problem("why", {})
    elif len(why) > MAX_WHY:
        problems["why"] = Problem("too_long", {"most": MAX_WHY})


def producer_problem(producer: str) -> Problem | None:
    """Return what is wrong with a provider code or name, None when nothing is."""
    if provider_code.looks_like_code(producer):
        fault = provider_code.read(producer).fault
        return None if fault is None else Problem(f"code_{fault.value}", {})
    return None if profiles.is_producer(producer) else Problem("producer", {})


def wording_problem(wording: str) -> Problem | None:
    """Return what is wrong with an operator's own wording, None when nothing is or there is none."""
    if not wording:
        return None
    if len(wording) > MAX_WORDING:
        return Problem("too_long", {"most": MAX_WORDING})
    if not carries_both_elements(wording):
        return Problem("wording_elements", {})
    try:
        check_wording(wording)
    except InvalidInputError:
        return Problem("wording_plain", {})
    return None


def _check_words(draft: Draft, problems: Problems) -> None:
    if not profiles.is_name(draft.name):
        problems["name"] = Problem("name", {})
    for name, known, least in (("kinds", ServiceKind, 1), ("audiences", Audience, 1), ("functions", FUNCTIONS, 0)):
        chosen = getattr(draft, name)
        if len(chosen) < least or not set(chosen) <= {str(one) for one in cast("Iterable[Any]", known)}:
            problems[name] = Problem("choose", {})
    for name, choices in (
        ("placement", tuple(LabelPlacement)),
        ("language", LABEL_LANGUAGES),
        ("unscreened", UNSCREENED_POLICIES),
    ):
        if getattr(draft, name) not in choices:
            problems[name] = Problem("choose", {})


def _check_label(draft: Draft, problems: Problems) -> None:
    for name, problem in (("wording", wording_problem(draft.wording)), ("producer", producer_problem(draft.producer))):
        if problem is not None:
            problems[name] = problem


def _models(draft: Draft, problems: Problems) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(draft.models.splitlines(), 1):
        if not line.strip():
            continue
        name, sign, alias = (part.strip() for part in line.partition("="))
        if not sign or not name or not alias or name in found:
            problems.setdefault("models", Problem("models", {"line": number}))
        found[name] = alias
    return found


def _limits(draft: Draft, problems: Problems) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, text in draft.limits.items():
        largest = MAX_RATE if name.endswith("_minute") else MAX_QUOTA
        digits = text.replace(",", "").replace(" ", "") or "0"
        if not digits.isascii() or not digits.isdecimal() or int(digits[:20]) > largest:
            problems[name] = Problem("limit", {"most": f"{largest:,}"})
        else:
            found[name] = int(digits)
    return found


def _list(form: Form, name: str) -> list[str]:
    return sorted({one[:_LIST] for one in form.all(name)})
