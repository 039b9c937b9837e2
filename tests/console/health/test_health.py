"""The health page: what is wrong, from when on it is, and what to do; of this process and of the installation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.console.conftest import SignIn
from tests.gateway.conftest import Serve
from tests.gateway.served import Served

from zhengming.core.i18n import LANGUAGES, translate
from zhengming.core.words import Role
from zhengming.gateway.health import BAD, KINDS, OK, UNKNOWN, WARN, Health, Kind, snapshot
from zhengming.gateway.pulse import keep_beating


def health_of(site: Served) -> Health:
    return site.run(snapshot(site.gateway, site.data))


def chat(site: Served, text: str = "hello") -> None:
    site.client().chat.completions.create(model="zhengming-rehearsal", messages=[{"role": "user", "content": text}])
    site.settled()


def data_of(lines: Iterator[str]) -> dict[str, object]:
    found = next(line for line in lines if line.startswith("data: "))
    parts: dict[str, object] = json.loads(found[6:])
    return parts


def test_every_figure_has_its_words_and_what_to_do_when_it_has_bounds() -> None:
    for language in LANGUAGES:
        for kind in KINDS.values():
            parts = ["figure", "scope", "how", *(["todo"] if kind.bad is not None else [])]
            assert all(translate("health", f"{part}.{kind.name}", language) for part in parts)


@pytest.mark.parametrize(
    ("value", "level"), [(None, UNKNOWN), (0.5, OK), (0.15, WARN), (0.06, WARN), (0.05, BAD), (0.0, BAD)]
)
def test_a_figure_that_falls_is_bad_when_it_is_low(value: float | None, level: str) -> None:
    assert KINDS["disk"].level(value) == level


@pytest.mark.parametrize(("value", "level"), [(0.0, OK), (1.0, WARN), (9.0, WARN), (10.0, BAD)])
def test_a_figure_that_rises_is_bad_when_it_is_high(value: float, level: str) -> None:
    assert Kind("x", "store", "count", 1, 10).level(value) == level


def test_traffic_shows_in_the_pulse_of_the_process(served: Served) -> None:
    pulse = served.gateway.pulse
    pulse.beat(served.gateway)
    for _ in range(3):
        chat(served)
    pulse.beat(served.gateway)
    samples = list(pulse.samples)  # one is taken every five seconds by itself
    found = health_of(served)

    assert sum(sample.turns for sample in samples) == 3
    assert sum(sample.failed for sample in samples) == 0
    assert sum(sum(sample.added) for sample in samples) == 3
    assert sum(sum(sample.commits) for sample in samples) == 6, "each turn is opened and closed"
    assert samples[-1].memory > 10_000_000
    rate = found.figure("turns").value
    assert rate is not None
    assert rate > 0
    assert found.figure("added_p99").value is not None
    assert found.figure("ledger_size").value == served.rows("SELECT size FROM ledger_head")[0][0]
    assert found.figure("database").value
    assert found.missing == ()
    assert [one.here for one in found.replicas or ()] == [True]


def test_the_hour_is_bounded(embedded: Served) -> None:
    for _ in range(800):
        embedded.gateway.pulse.beat(embedded.gateway)

    assert len(embedded.gateway.pulse.samples) == 720


def test_the_page_says_that_turns_can_be_served_and_of_which_process_it_speaks(
    embedded: Served, sign_in: SignIn
) -> None:
    embedded.gateway.pulse.beat(embedded.gateway)
    embedded.gateway.pulse.beat(embedded.gateway)
    page = sign_in(embedded, Role.ENGINEER).get("/health").text

    assert "Ready: turns can be served." in page
    assert embedded.gateway.instance[:8] in page
    assert "The same as a table" in page
    assert "rehearsal" in page


def test_a_store_that_is_gone_is_said_and_leaves_the_page_standing(embedded: Served) -> None:
    path = embedded.gateway.store.path
    assert path is not None
    away = path.with_suffix(".away")
    shutil.move(path, away)
    try:
        found = health_of(embedded)
    finally:
        shutil.move(away, path)

    assert found.missing == ("store",)
    assert found.replicas is None
    assert found.figure("ledger_size").level == UNKNOWN


def test_a_rule_file_that_cannot_be_read_is_named_with_what_stays_in_force(
    serve: Serve, sign_in: SignIn, tmp_path: Path
) -> None:
    rules = tmp_path / "own.yaml"
    rules.write_text("[]\n", encoding="utf-8")
    site = serve(rules=(str(rules),))
    rules.write_text("rules: [<b>\n", encoding="utf-8")
    site.run(site.gateway.rules.refresh(force=True))
    answer = sign_in(site, Role.ENGINEER).get("/health")

    assert "A rule or policy file was rejected." in answer.text
    assert site.gateway.rules.ruling.version in answer.text
    assert "<b>" not in answer.text.partition("<main")[2].partition("rejected")[2].partition("</div>")[0]


def test_a_crossed_bound_says_what_to_do(embedded: Served, sign_in: SignIn) -> None:
    embedded.gateway.pulse.beat(embedded.gateway)
    embedded.gateway.metrics.unscreened.inc()
    embedded.gateway.pulse.beat(embedded.gateway)
    page = sign_in(embedded, Role.ENGINEER).get("/health").text

    assert health_of(embedded).concerns[0].kind.name == "unscreened"
    assert "What needs somebody" in page
    assert "screen.failed" in page


def test_the_charts_get_an_hour_at_first_and_then_what_is_new(embedded: Served, sign_in: SignIn) -> None:
    pulse = embedded.gateway.pulse
    for _ in range(4):
        pulse.beat(embedded.gateway)
    client = sign_in(embedded, Role.ENGINEER)
    with client.stream("GET", "/health/live") as answer:
        first = data_of(answer.iter_lines())["series"]
    assert isinstance(first, dict)
    known = [sample.at for sample in pulse.samples]
    with client.stream("GET", "/health/live", headers={"last-event-id": str(known[0])}) as answer:
        again = data_of(answer.iter_lines())["series"]
    assert isinstance(again, dict)

    assert first["at"][:3] == known[:3]
    assert all(len(points) == len(first["at"]) for points in first.values())
    assert all(at > known[0] for at in again["at"])


@pytest.mark.parametrize("given", ["", "x", "-1", "9" * 30, "１２"])
def test_a_browser_that_sends_nonsense_as_its_last_event_gets_everything(
    embedded: Served, sign_in: SignIn, given: str
) -> None:
    client = sign_in(embedded, Role.ENGINEER)
    with client.stream("GET", "/health/live", headers=[(b"last-event-id", given.encode())]) as answer:
        assert "series" in data_of(answer.iter_lines())


async def test_the_pulse_goes_on_by_itself(embedded: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from zhengming.gateway import pulse as beating

    monkeypatch.setattr(beating, "EVERY_SECONDS", 0.001)
    found = beating.Pulse()
    task = asyncio.create_task(keep_beating(found, embedded.gateway))
    while len(found.samples) < 3:  # noqa: ASYNC110 - what is watched is the pulse's own list
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_role_without_the_permission_sees_no_health(embedded: Served, sign_in: SignIn) -> None:
    assert sign_in(embedded, Role.REVIEWER).get("/health").status_code == 403
