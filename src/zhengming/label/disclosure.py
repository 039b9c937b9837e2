"""The standing disclosure: whoever talks to a service is told all the time that no person answers.

It is not the label of a text (GB 45438-2025), which says how a content was made; an interface shows both.
"""

from __future__ import annotations

from zhengming.core.i18n import translate


def disclosure(language: str) -> str:
    """Return the sentence that an interface shows as long as the conversation lasts; no markup, no line breaks."""
    return translate("label", "disclosure.standing", language)
