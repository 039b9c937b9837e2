"""Numbers, times and addresses as pages write them."""

from __future__ import annotations

import pytest

from zhengming.web.view import (
    CURRENT,
    View,
    ago,
    day,
    number,
    percent,
    size,
    span,
    t,
    tn,
    url,
    when,
)

NOW = 1_795_305_600_000  # 2026-11-22 00:00:00 UTC
HOUR = 3_600_000


@pytest.fixture(params=["en", "zh-CN"])
def language(request: pytest.FixtureRequest) -> str:
    chosen = str(request.param)
    CURRENT.set(View(chosen, now=NOW))
    return chosen


def english() -> None:
    CURRENT.set(View("en", now=NOW))


def chinese() -> None:
    CURRENT.set(View("zh-CN", now=NOW))


@pytest.mark.parametrize(
    ("milliseconds", "en", "zh"),
    [
        (0, "0 ms", "0 毫秒"),
        (3.4, "3 ms", "3 毫秒"),
        (999, "999 ms", "999 毫秒"),
        (1000, "1 s", "1 秒"),
        (3200, "3.2 s", "3.2 秒"),
        (45_000, "45 s", "45 秒"),
        (240_000, "4 min", "4 分钟"),
        (1.5 * HOUR, "1.5 h", "1.5 小时"),
        (72 * HOUR, "3 d", "3 天"),
        (None, "–", "–"),
    ],
)
def test_durations_take_the_unit_that_fits(milliseconds: float | None, en: str, zh: str) -> None:
    english()
    assert span(milliseconds) == en
    chinese()
    assert span(milliseconds) == zh


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123_456, "123 kB"), (1_500_000, "1.5 MB"), (2.5e15, "2,500 TB")],
)
def test_sizes_go_in_steps_of_a_thousand(count: float, shown: str) -> None:
    english()
    assert size(count) == shown


def test_numbers_and_shares() -> None:
    english()
    assert (number(1234567), number(1.5, 2), percent(0.5), percent(0.1234, 1)) == ("1,234,567", "1.50", "50%", "12.3%")


def test_times_stand_in_the_readers_zone_and_say_the_exact_moment() -> None:
    CURRENT.set(View("en", timezone="America/New_York", now=NOW))
    assert when(NOW) == '<time datetime="2026-11-22T00:00:00.000+00:00">2026-11-21 19:00:00</time>'
    assert day(NOW) == '<time datetime="2026-11-21">21 Nov 2026</time>'


def test_how_long_ago_carries_the_full_time() -> None:
    english()
    assert ">just now<" in ago(NOW - 3000)
    assert ">3 minutes ago<" in ago(NOW - 180_000)
    assert ">in 2 hours<" in ago(NOW + 2 * HOUR)
    assert 'title="2026-11-22 07:57:00"' in ago(NOW - 180_000)
    chinese()
    assert ">3分钟前<" in ago(NOW - 180_000)


def test_nothing_is_a_dash(language: str) -> None:
    assert language
    assert {when(None), day(None), ago(None)} == {"&ndash;"}


def test_addresses_leave_out_what_is_empty_and_repeat_lists() -> None:
    assert url("/turns") == "/turns"
    assert url("/turns", service="a b", rule="", care=None, verdict_out=["stop", "block"], from_=0) == (
        "/turns?service=a+b&verdict_out=stop&verdict_out=block&from=0"
    )
    assert url("/turns?q=1", after="x&y") == "/turns?q=1&after=x%26y"
    assert url('/turns/"><script>') == "/turns/%22%3E%3Cscript%3E"


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "turns", "", "javascript:1"]
)
def test_an_address_of_another_site_is_a_mistake(path: str) -> None:
    with pytest.raises(ValueError, match="no address of this site"):
        url(path)


def test_a_text_that_is_missing_is_an_error(language: str) -> None:
    assert language
    with pytest.raises(KeyError):
        t("web:no.such.key")
    with pytest.raises(KeyError):
        tn("web:no.such.key", 2)
