"""Text for people, from gettext catalogues: one domain a package, zh-CN and en both complete.

Catalogues lie in `zhengming/locale/<language>/LC_MESSAGES/<domain>.po` beside their compiled `.mo`;
`scripts/compile_catalogues.py` makes the second from the first and a test holds them equal.
Message ids are stable keys such as `stop.notice`, so that a wording can change without touching code.
"""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("zh-CN", "en")
DEFAULT_LANGUAGE: Final = "zh-CN"
LOCALE_DIR: Final = Path(__file__).resolve().parent.parent / "locale"

_CJK_START, _CJK_END = "\u3400", "\u9fff"
_SAMPLE = 2_000


@cache
def _catalogue(domain: str, language: str) -> gettext.NullTranslations:
    return gettext.translation(domain, LOCALE_DIR, [language.replace("-", "_")])


def translate(domain: str, key: str, language: str, **values: object) -> str:
    """Return the text of `key` in `language` with `{name}` places filled from `values`.

    Raises KeyError when the catalogue lacks the key: a missing text must fail a test, not reach a person.
    """
    chosen = language if language in LANGUAGES else DEFAULT_LANGUAGE
    found = _catalogue(domain, chosen).gettext(key)
    if found == key:
        message = f"text {key!r} is missing in the {chosen} catalogue of {domain!r}"
        raise KeyError(message)
    return found.format(**values) if values else found


def translate_count(domain: str, key: str, language: str, number: int, /, **values: object) -> str:
    """Return the text of `key` in the form that `language` uses for `number` things.

    `{count}` is filled with `number` unless `values` says how to write it. The `.po` holds the key as both `msgid` and
    `msgid_plural`. Raises KeyError when the catalogue lacks the key.
    """
    chosen = language if language in LANGUAGES else DEFAULT_LANGUAGE
    found = _catalogue(domain, chosen).ngettext(key, key, number)
    if found == key:
        message = f"text {key!r} is missing in the {chosen} catalogue of {domain!r}"
        raise KeyError(message)
    return found.format(**{"count": number, **values})


def language_of(text: str, default: str = DEFAULT_LANGUAGE) -> str:
    """Return `zh-CN` when Chinese characters stand in the text, `en` when only Latin letters do, else `default`.

    One Chinese character in ten letters is enough: people who write Chinese mix in Latin names, seldom the reverse.
    """
    chinese = latin = 0
    for character in text[:_SAMPLE]:
        if _CJK_START <= character <= _CJK_END:
            chinese += 1
        elif character.isascii() and character.isalpha():
            latin += 1
    if chinese == latin == 0:
        return default
    return "zh-CN" if chinese * 10 >= latin else "en"
