"""Every word of the product can be said in both languages, with its meaning."""

from __future__ import annotations

from enum import Enum

import pytest

from zhengming.accounts.conversations import Origin, Relation
from zhengming.core import words
from zhengming.core.i18n import LANGUAGES
from zhengming.core.words import CareLevel, Verdict
from zhengming.gateway.records import Ending
from zhengming.web.view import CURRENT, View, meaning, meaning_of, word, word_of

KINDS: list[type[Enum]] = [
    *(
        kind
        for kind in vars(words).values()
        if isinstance(kind, type) and issubclass(kind, Enum) and kind.__module__ == words.__name__ and len(kind)
    ),
    Ending,
    Relation,
    Origin,
]
MEMBERS = [member for kind in KINDS for member in kind]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_member_has_a_name_and_a_meaning(language: str) -> None:
    CURRENT.set(View(language))

    assert len(MEMBERS) > 100
    for member in MEMBERS:
        assert word(member)
        assert meaning(member).endswith((".", "。")), member


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_members_of_a_kind_are_called_the_same(language: str) -> None:
    CURRENT.set(View(language))

    for kind in KINDS:
        assert len({word(member) for member in kind}) == len(kind), kind


def test_plain_values_of_rows_are_said_too() -> None:
    CURRENT.set(View("zh-CN"))

    assert word_of("Verdict", "redact") == word(Verdict.REDACT) == "遮盖"
    assert word_of("CareLevel", 3) == word(CareLevel.DANGER)
    assert meaning_of("Verdict", "redact") == meaning(Verdict.REDACT)


def test_nothing_is_a_dash_and_a_stranger_stands_as_it_is() -> None:
    CURRENT.set(View("en"))

    assert (word(None), word_of("Verdict", None), word_of("Verdict", "")) == ("–", "–", "–")
    assert word_of("Verdict", "of_a_later_version") == "of_a_later_version"
    assert meaning_of("Verdict", "of_a_later_version") == meaning_of("Verdict", None) == ""
