"""How a person wants to read a page, and the functions that templates write words, numbers and times with.

The view of the page being rendered lies in a context variable, so that macros need no `with context`.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal
from markupsafe import Markup

from zhengming.core.i18n import DEFAULT_LANGUAGE, translate

THEMES: Final = ("auto", "light", "dark")


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


CURRENT: Final[ContextVar[View]] = ContextVar("view")


def t(key: str, **values: object) -> str:
    """Return the text of `domain:key` in the reader's language; KeyError when it is missing."""
    domain, _, name = key.partition(":")
    return translate(domain, name, CURRENT.get().language, **values)


def number(value: float, digits: int = 0) -> str:
    """Return a number as the reader writes it."""
    pattern = "#,##0" if digits == 0 else "#,##0." + "0" * digits
    return format_decimal(value, format=pattern, locale=CURRENT.get().locale)


def when(moment: int | None) -> Markup:
    """Return a `<time>` element in the reader's time zone, a dash for None; `moment` is ms since 1970, UTC."""
    if moment is None:
        return Markup("&ndash;")
    view = CURRENT.get()
    at = datetime.fromtimestamp(moment / 1000, UTC)
    shown = format_datetime(at, "yyyy-MM-dd HH:mm:ss", tzinfo=ZoneInfo(view.timezone), locale=view.locale)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="milliseconds"), shown)
