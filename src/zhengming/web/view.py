"""How a person wants to read a page, and the functions that templates write words, numbers and times with.

The view of the page being rendered lies in a context variable, so that macros need no `with context`. Every function
here that says "in the reader's language" reads it there and raises LookupError outside of a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup

from zhengming.core.i18n import DEFAULT_LANGUAGE, translate, translate_count
from zhengming.web.assets import asset

NOTHING: Final = Markup("&ndash;")
"""What stands where there is no value."""

_JUST_NOW: Final = 10_000
_PATH: Final = "/-._~%!$&'()*+,;=:@?#"


@dataclass(frozen=True, slots=True)
class View:
    """Language (`zh-CN`, `en`), theme (`auto`, `light`, `dark`), IANA time zone, moment of the page (ms UTC)."""

    language: str = DEFAULT_LANGUAGE
    theme: str = "auto"
    timezone: str = "Asia/Shanghai"
    now: int = 0

    @property
    def locale(self) -> str:
        """Babel's name of the locale."""
        return "zh_Hans_CN" if self.language == "zh-CN" else "en_GB"

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone."""
        return ZoneInfo(self.timezone)


CURRENT: Final[ContextVar[View]] = ContextVar("view")


def t(key: str, **values: object) -> str:
    """Return the text of `domain:key` in the reader's language; KeyError when it is missing."""
    domain, _, name = key.partition(":")
    return translate(domain, name, CURRENT.get().language, **values)


def tn(key: str, count: int, **values: object) -> str:
    """Return the text of `domain:key` in the form for `count`, with `{count}` written as the reader writes numbers."""
    domain, _, name = key.partition(":")
    return translate_count(domain, name, CURRENT.get().language, count, **{"count": number(count), **values})


def number(value: float, digits: int = 0) -> str:
    """Return a number as the reader writes it."""
    pattern = "#,##0" if digits == 0 else "#,##0." + "0" * digits
    return format_decimal(value, format=pattern, locale=CURRENT.get().locale)


def percent(share: float, digits: int = 0) -> str:
    """Return a share of 0 to 1 in per cent."""
    pattern = "#,##0%" if digits == 0 else "#,##0." + "0" * digits + "%"
    return format_percent(share, format=pattern, locale=CURRENT.get().locale)


def size(count: float) -> str:
    """Return a number of bytes in the unit that fits, in steps of a thousand: `1.5 MB`."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if count < 1000:  # noqa: PLR2004 - the step of SI prefixes
            break
        count, unit = count / 1000, larger
    return f"{number(count, 0 if unit == 'B' or count >= 100 else 1)} {unit}"  # noqa: PLR2004 - three figures will do


def span(milliseconds: float | None) -> str:
    """Return a duration in the unit that fits, such as `3.2 s` or `4 min`; a dash for None."""
    if milliseconds is None:
        return "–"
    value, unit = float(milliseconds), "ms"
    for larger, step in (("s", 1000), ("min", 60), ("h", 60), ("d", 24)):
        if abs(value) < step:
            break
        value, unit = value / step, larger
    digits = 0 if unit in {"ms", "min"} or abs(value) >= 10 or value == int(value) else 1  # noqa: PLR2004 - as above
    return t(f"web:span.{unit}", n=number(value, digits))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def full(moment: int) -> str:
    """Return a moment (ms since 1970, UTC) to the second in the reader's time zone, as plain text."""
    view = CURRENT.get()
    return format_datetime(_moment(moment), "yyyy-MM-dd HH:mm:ss", tzinfo=view.zone, locale=view.locale)


def when(moment: int | None) -> Markup:
    """Return a `<time>` element in the reader's time zone, a dash for None; `moment` is ms since 1970, UTC."""
    return NOTHING if moment is None else _time(moment, full(moment))


def day(moment: int | None) -> Markup:
    """Return the day of a moment as a `<time>` element in the reader's time zone, a dash for None."""
    if moment is None:
        return NOTHING
    view = CURRENT.get()
    local = _moment(moment).astimezone(view.zone)
    return Markup('<time datetime="{}">{}</time>').format(
        local.date().isoformat(), format_date(local.date(), "medium", locale=view.locale)
    )


def ago(moment: int | None) -> Markup:
    """Return how long ago (or ahead) a moment is from the page's, with the full time in its title; a dash for None."""
    if moment is None:
        return NOTHING
    view = CURRENT.get()
    apart = moment - view.now
    if abs(apart) < _JUST_NOW:
        return _time(moment, t("web:ago.now"), full(moment))
    shown = format_timedelta(timedelta(milliseconds=apart), add_direction=True, locale=view.locale)
    return _time(moment, shown, full(moment))


def _time(moment: int, shown: str, title: str = "") -> Markup:
    exact = _moment(moment).isoformat(timespec="milliseconds")
    if title:
        return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, title, shown)
    return Markup('<time datetime="{}">{}</time>').format(exact, shown)


def word(member: Enum | None) -> str:
    """Return the name of a member of an enumeration of the product, a dash for None; KeyError for a stranger."""
    return "–" if member is None else t(f"words:{type(member).__name__}.{member.value}")


def meaning(member: Enum) -> str:
    """Return the one-line meaning of a member of an enumeration of the product."""
    return t(f"words:{type(member).__name__}.{member.value}.meaning")


def word_of(kind: str, value: str | int | None) -> str:
    """Return `word` for a plain value as rows hold it, such as `word_of("Verdict", "redact")`; a dash for nothing.

    A value that this version does not know, written by another one, is returned as it stands.
    """
    if value is None or value == "":
        return "–"
    return _or_itself(f"words:{kind}.{int(value) if isinstance(value, int) else value}", str(value))


def meaning_of(kind: str, value: str | int | None) -> str:
    """Return `meaning` for a plain value as rows hold it, an empty text for an unknown one."""
    if value is None or value == "":
        return ""
    return _or_itself(f"words:{kind}.{int(value) if isinstance(value, int) else value}.meaning", "")


def _or_itself(key: str, otherwise: str) -> str:
    try:
        return t(key)
    except KeyError:
        return otherwise


def url(path: str, **query: object) -> str:
    """Return a local address: None and empty values are left out, lists repeat their name.

    A trailing underscore of a name is dropped, so that `from_` and `class_` can be written. Raises ValueError for an
    address that is not of this site.
    """
    if not path.startswith("/") or path.startswith(("//", "/\\")):
        raise ValueError(f"{path!r} is no address of this site; begin it with one slash")
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        pairs += [(name.removesuffix("_"), str(one)) for one in values if one is not None and one != ""]
    encoded = quote(path, safe=_PATH)
    if not pairs:
        return encoded
    return f"{encoded}{'&' if '?' in encoded else '?'}{urlencode(pairs)}"


GLOBALS: Final[Mapping[str, object]] = {
    "t": t,
    "tn": tn,
    "number": number,
    "percent": percent,
    "size": size,
    "span": span,
    "full": full,
    "when": when,
    "day": day,
    "ago": ago,
    "word": word,
    "meaning": meaning,
    "word_of": word_of,
    "meaning_of": meaning_of,
    "url": url,
    "asset": asset,
}
"""What every template may call."""
