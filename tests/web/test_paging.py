"""Cursors: what was written is read again, and what was not is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.core.ids import new_uuid
from zhengming.web.paging import Cursor


@pytest.mark.parametrize("newer", [True, False])
def test_a_cursor_survives_its_address(*, newer: bool) -> None:
    cursor = Cursor(new_uuid(), newer)

    assert Cursor.decode(cursor.encode()) == cursor
    assert cursor.encode().replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=80))
def test_any_text_is_a_cursor_or_an_error_that_says_so(text: str) -> None:
    try:
        found = Cursor.decode(text)
    except InvalidInputError as error:
        assert "cursor" in error.message  # noqa: PT017 - either outcome is fine
    else:
        assert found.id.isascii()


def test_a_cursor_of_control_characters_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        Cursor.decode(Cursor("a\nb").encode())
