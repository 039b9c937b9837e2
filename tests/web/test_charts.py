"""Charts: what they show, and what stands in their tables."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.web.charts import Series, bars, lines, ticks
from zhengming.web.view import CURRENT, View

NOW = 1_795_305_600_000  # 2026-11-22 00:00:00 UTC
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.fixture(autouse=True)
def reader() -> None:
    CURRENT.set(View("en", timezone="UTC", now=NOW))


def parsed(figure: str) -> ET.Element:
    return ET.fromstring(figure.replace("&ndash;", "–"))  # noqa: S314 - what we drew ourselves


def test_a_line_goes_from_edge_to_edge_and_its_table_holds_every_value() -> None:
    figure = lines([Series("Turns", "ok", [(NOW, 1), (NOW + MINUTE, 2), (NOW + 2 * MINUTE, 4)])], label="Turns")

    [line] = parsed(figure).iter("polyline")
    assert line.get("class") == "line ok"
    assert [point.split(",")[0] for point in (line.get("points") or "").split()] == ["0.0", "500.0", "1000.0"]
    cells = [cell.text for cell in parsed(figure).iter("td")]
    assert cells == ["4", "2", "1"]


def test_it_says_in_words_what_it_shows() -> None:
    figure = lines([Series("Held", "warn", [(NOW, 1), (NOW + MINUTE, 1234.5)])], label="Held characters", unit="ch")

    [told] = [one.text or "" for one in parsed(figure).iter("desc")]
    assert told == (
        "From 2026-11-22 00:00:00 to 2026-11-22 00:01:00. Held (ch): lowest 1, highest 1,234.5, last 1,234.5."
    )


def test_one_point_is_a_dot_in_the_middle() -> None:
    [dot] = parsed(lines([Series("x", "bad", [(NOW, 5)])], label="x")).iter("circle")

    assert (dot.get("cx"), dot.get("class")) == ("50%", "dot bad")


@pytest.mark.parametrize("series", [[], [Series("x", "ok", [])], [Series("x", "ok", [(NOW, float("nan"))])]])
def test_without_a_point_it_says_that_nothing_was_counted(series: list[Series]) -> None:
    assert "Nothing was counted" in lines(series, label="x")
    assert "<svg" not in lines(series, label="x")
    assert "Nothing was counted" in bars([], label="x")


def test_names_are_text_and_addresses_are_of_this_site() -> None:
    drawn = lines([Series("<b>x</b>", '"><script>', [(NOW, 1), (NOW + 1, 1)])], label='"<i>') + bars(
        [("<u>", 1, "/turns?rule=<s>")], label="<s>"
    )

    assert not re.search(r"<(b|i|u|s|script)>", drawn)
    with pytest.raises(ValueError, match="no address"):
        bars([("x", 1, "https://evil.example")], label="x")


def test_huge_numbers_are_short_on_the_scale_and_whole_in_the_table() -> None:
    figure = lines([Series("x", "ok", [(NOW, 12_345_678_901), (NOW + DAY, 0)])], label="x")

    assert "20B" in [one.text for one in parsed(figure).iter("text")]
    assert "12,345,678,901" in [one.text for one in parsed(figure).iter("td")]


def test_no_style_stands_in_a_chart() -> None:
    drawn = lines([Series("x", "ok", [(NOW, 1), (NOW + 1, 2)])], label="x") + bars([("a", 1)], label="y")

    assert "style" not in drawn


@pytest.mark.parametrize(
    ("zone", "step", "hours"),
    [("Asia/Shanghai", 6 * HOUR, [16 - 12, 10, 16, 22]), ("UTC", 6 * HOUR, [0, 6, 12, 18, 24])],
)
def test_ticks_stand_at_whole_steps_of_the_readers_clock(zone: str, step: int, hours: list[int]) -> None:
    assert ticks(NOW, NOW + DAY, step, ZoneInfo(zone)) == [NOW + hour * HOUR for hour in hours]


def test_ticks_follow_the_clock_when_it_is_changed() -> None:
    """New York set its clocks back on 2026-11-01 at 06:00 UTC: midnight is at 04:00, a day later at 05:00."""
    first = 1_793_404_800_000  # 2026-10-31 00:00:00 UTC
    found = ticks(first, first + 3 * DAY, DAY, ZoneInfo("America/New_York"))

    assert [(at - first) // HOUR for at in found] == [4, 28, 53]


MOMENTS = st.integers(0, 4_000_000_000_000)
VALUES = st.floats(min_value=-1e12, max_value=1e15) | st.just(float("inf"))


@settings(deadline=None, max_examples=50)
@given(points=st.lists(st.tuples(MOMENTS, VALUES), max_size=10))
def test_whatever_is_counted_the_chart_is_well_formed_and_inside_its_frame(points: list[tuple[int, float]]) -> None:
    CURRENT.set(View("zh-CN", timezone="Asia/Shanghai", now=NOW))
    figure = parsed(lines([Series("x", "ok", points)], label="x"))

    for line in figure.iter("polyline"):
        for point in (line.get("points") or "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 1000
            assert 0 <= y <= 200
    assert len(list(figure.iter("text"))) < 20
