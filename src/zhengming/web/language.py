"""Which language somebody reads who has no account here: the one they chose, else what their browser asks for."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from zhengming.core.i18n import DEFAULT_LANGUAGE, LANGUAGES

COOKIE: Final = "zhengming_language"


def language_for(request: Request) -> str:
    """Return `zh-CN` or `en`."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for wanted in request.headers.get("accept-language", "").lower().split(","):
        if wanted.strip().startswith("zh"):
            return "zh-CN"
        if wanted.strip().startswith("en"):
            return "en"
    return DEFAULT_LANGUAGE
