"""The list of turns: the address is the state, filters can be taken off one by one, and nothing in it is trusted."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.console.conftest import SignIn
from tests.gateway.served import Served
from tests.gateway.turns.rows import START, insert, many, turn_row

from zhengming.console.turns.listing import PATH
from zhengming.core.words import Role
from zhengming.web.paging import Cursor

Links = Callable[[str], list[str]]


def fill(site: Served, count: int = 130) -> list[str]:
    """Write turns and return their ids, newest first."""
    made = list(many(count))
    site.write(lambda tx: insert(tx, [row for row, _ in made], [one for _, some in made for one in some]))
    return sorted((str(row["id"]) for row, _ in made), reverse=True)


def listed(page: str) -> list[str]:
    """The ids of the turns on a page, in order."""
    return re.findall(r'href="/turns/([0-9a-f-]{36})"', page)


def link(page: str, rel: str) -> str:
    """The address of the next or the previous page."""
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page)
    return "" if found is None else found[1].replace("&amp;", "&")


def test_the_newest_turns_stand_first_and_the_pages_lead_through_all(served: Served, sign_in: SignIn) -> None:
    ids = fill(served)
    client = sign_in(served, Role.AUDITOR)
    page = client.get(PATH).text
    met = listed(page)
    assert link(page, "prev") == ""
    while older := link(page, "next"):
        page = client.get(older).text
        met += listed(page)

    assert met == ids
    back = client.get(link(page, "prev")).text
    assert listed(back) == ids[50:100]
    assert listed(client.get(link(back, "prev")).text) == ids[:50]


def test_filters_stay_in_the_address_and_each_can_be_taken_off(embedded: Served, sign_in: SignIn) -> None:
    fill(embedded)
    page = sign_in(embedded, Role.OWNER).get(f"{PATH}?outcome=failed&category=fraud&care=1&from={START}").text

    assert "Outcome: Failed" in page
    assert "Category: Fraud" in page
    assert f'href="/turns?outcome=failed&amp;category=fraud&amp;from={START}"' in page  # without care
    assert re.search(r'<option value="failed" selected>', page)
    assert re.search(r'name="from" type="datetime-local" value="2025-11-13T10:13"', page)  # in Asia/Shanghai
    assert "<details open>" in page  # care is behind "more filters"


def test_a_time_is_read_in_the_readers_zone(embedded: Served, sign_in: SignIn) -> None:
    ids = fill(embedded)
    page = sign_in(embedded, Role.OWNER).get(f"{PATH}?to=2025-11-13T10:14").text  # START is 10:13:20 in Shanghai

    assert listed(page) == ids[-40:]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("outcome=gone", "Outcome"),
        ("care=7", "Care level, at least"),
        ("from=yesterday", "From"),
        ("model=%07", "Model"),
        ("person=u1%0d%0aset-cookie:x", "Person (pseudonym)"),
        ("q=%ff%fe", ""),
    ],
)
def test_a_value_that_cannot_be_is_named_and_nothing_is_searched(
    embedded: Served, sign_in: SignIn, query: str, name: str
) -> None:
    fill(embedded, 3)
    answer = sign_in(embedded, Role.OWNER).get(f"{PATH}?{query}")

    assert answer.status_code == (400 if name else 200)
    assert listed(answer.text) == []
    assert "set-cookie" not in answer.headers
    if name:
        assert f"The filter “{name}” cannot be" in answer.text


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", "'; DROP TABLE turn; --", '" autofocus onfocus="x'])
def test_a_hostile_filter_is_only_text(served: Served, sign_in: SignIn, value: str) -> None:
    fill(served, 3)
    answer = sign_in(served, Role.OWNER).get(PATH, params={"model": value, "rule": value, "q": value})

    assert answer.status_code == 200
    assert value not in answer.text
    assert served.rows("SELECT count(*) FROM turn") == [(3,)]


def test_a_cursor_that_is_none_is_an_error_that_says_so(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded, Role.OWNER)

    assert client.get(f"{PATH}?cursor=nonsense").status_code == 400
    assert client.get(f"{PATH}?cursor={Cursor('zzzz').encode()}").status_code == 200
    assert client.get(f"{PATH}/live?after=nonsense").status_code == 400


def test_a_search_that_stopped_says_how_far_it_came(
    embedded: Served, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhengming.gateway.turns.reading.ROUNDS", (10, 20))
    fill(embedded)
    client = sign_in(embedded, Role.OWNER)
    page = client.get(f"{PATH}?model=none").text

    assert "Searched as far as" in page
    assert "Go on searching" in page
    assert client.get(link(page, "next")).status_code == 200


def test_an_empty_list_says_what_to_do_next(embedded: Served, sign_in: SignIn) -> None:
    page = sign_in(embedded, Role.OWNER).get(PATH).text
    seen = sign_in(embedded, Role.AUDITOR).get(PATH).text

    assert 'href="/playground">Ask something in the playground' in page
    assert "Ask something in the playground" not in seen
    assert "See how a service is connected" in seen


def test_newer_turns_are_announced_as_they_come(embedded: Served, sign_in: SignIn) -> None:
    ids = fill(embedded, 5)
    client = sign_in(embedded, Role.AUDITOR)
    page = client.get(PATH).text
    where = re.search(r'data-live-from="([^"]+)"', page)
    assert where is not None
    assert Cursor(ids[0]).encode() in where[1]
    embedded.write(lambda tx: insert(tx, [turn_row(START + 9_000_000 + n) for n in range(3)]))
    with client.stream("GET", where[1].replace("&amp;", "&")) as stream:
        data = next(line for line in stream.iter_lines() if line.startswith("data:"))

    assert "3 newer turns: show them" in data


@pytest.mark.parametrize("path", [PATH, f"{PATH}/live", f"{PATH}/some-id", "/conversations/some-id"])
def test_nobody_sees_turns_without_signing_in(embedded: Served, sign_in: SignIn, path: str) -> None:
    answer = sign_in(embedded).get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")
