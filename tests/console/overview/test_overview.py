"""The overview: figures, each with the way to exactly the turns that it counts."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from tests.console.conftest import SignIn
from tests.gateway.served import Served
from tests.gateway.stats.turns import seeded, write_turns

from zhengming.core.words import Role
from zhengming.gateway.stats.counting import count_due

ADDRESS = re.compile(r'href="(/turns\?[^"]*)"[^>]*>([\d,]+)')


def fill(site: Served, number: int = 300, **more: int) -> None:
    """Write turns of the last hours and count them, as if an hour had passed since, so that no stretch is under way."""
    now = site.gateway.clock()
    write_turns(site.gateway.store, seeded(3), [now - 1_000 - minute * 60_000 for minute in range(number)], **more)
    site.run(count_due(site.gateway.store, now + 3_600_000))


def test_before_the_first_turn_it_says_what_to_do(embedded: Served, sign_in: SignIn) -> None:
    page = sign_in(embedded, Role.OWNER).get("/").text

    assert 'href="/playground"' in page
    assert f"curl -N {embedded.url}/v1/chat/completions" in page
    assert "zhengming demo traffic" in page
    assert "<svg viewBox" not in page


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_each_figure_leads_to_as_many_turns_as_it_says(embedded: Served, sign_in: SignIn, language: str) -> None:
    fill(embedded)
    client = sign_in(embedded, Role.OWNER, language=language)
    page = client.get("/?range=24h").text
    links = {unescape(address): int(number.replace(",", "")) for address, number in ADDRESS.findall(page)}

    assert len(links) > 20
    for address, number in links.items():
        where, values = conditions(dict(pair.split("=") for pair in address.partition("?")[2].split("&")))
        found = embedded.rows(f"SELECT COUNT(*) FROM turn t WHERE {where}", **values)
        assert found[0][0] == number, address


def conditions(query: dict[str, str]) -> tuple[str, dict[str, object]]:
    """The same filters as of the list of turns, written down once more by hand."""
    from zhengming.gateway.stats.stretches import least_id

    written = {
        "outcome": "outcome = :outcome",
        "verdict_in": "verdict_input = :verdict_in",
        "verdict_out": "verdict_output = :verdict_out",
        "care": "care_level >= :care",
        "unscreened": "unscreened = :unscreened",
        "unattributed": "unattributed = :unattributed",
        "category": "EXISTS (SELECT 1 FROM turn_signal s WHERE s.turn_id = t.id AND s.category = :category)",
    }
    values: dict[str, object] = {
        name: int(value) if value.isdigit() else value for name, value in query.items() if name in written
    }
    first, end = least_id(int(query["from"])), least_id(int(query["to"]))
    parts = ["id >= :first", "id < :end", *(written[name] for name in values)]
    return " AND ".join(parts), {**values, "first": first, "end": end}


def test_unscreened_turns_stand_out(embedded: Served, sign_in: SignIn) -> None:
    fill(embedded, 1, unscreened=1)
    page = sign_in(embedded, Role.OWNER).get("/").text

    assert 'class="notice bad"' in page
    assert "1 turn went out unscreened" in page


def test_who_may_not_see_turns_sees_figures_without_links(embedded: Served, sign_in: SignIn) -> None:
    fill(embedded)
    roles = [role for role in Role if "see_turns" not in permissions(role) and "see_overview" in permissions(role)]
    for role in roles:
        assert "/turns?" not in sign_in(embedded, role).get("/").text


def permissions(role: Role) -> frozenset[str]:
    from zhengming.accounts.roles import permissions_of

    return frozenset(permissions_of([role]))


def test_an_address_that_means_nothing_shows_the_day(embedded: Served, sign_in: SignIn) -> None:
    fill(embedded)
    answer = sign_in(embedded, Role.OWNER).get("/", params={"range": "<script>", "service": "'; DROP TABLE turn"})

    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_a_page_left_open_is_kept_up_to_date(embedded: Served, sign_in: SignIn) -> None:
    fill(embedded)
    with sign_in(embedded, Role.OWNER).stream("GET", "/overview/live?range=24h") as answer:
        lines = answer.iter_lines()
        data = next(line for line in lines if line.startswith("data: "))

    assert ">300<" in json.loads(data[6:])["figures"]


def test_nobody_follows_it_without_a_session(embedded: Served, sign_in: SignIn) -> None:
    assert sign_in(embedded).get("/overview/live").status_code == 303
