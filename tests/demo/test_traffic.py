"""The demo traffic through a real gateway."""

from __future__ import annotations

import asyncio

import pytest
from tests.gateway.conftest import Serve, embedded, serve
from tests.gateway.served import Served
from typer.testing import CliRunner

from zhengming.app.cli import build
from zhengming.core.errors import InvalidInputError, UnavailableError
from zhengming.demo.services import SERVICES, WHO, demo_keys
from zhengming.demo.traffic import Target, Traffic

__all__ = ["embedded", "serve"]

MODEL = "zhengming-rehearsal"


def run(site: Served, **bounds: float) -> Traffic:
    work = Traffic(
        Target(f"{site.url}/v1", MODEL, {"": site.key}),
        seed=int(bounds.get("seed", 1)),
        rate=bounds.get("rate", 0.0),
        turns=int(bounds.get("turns", 0)),
        seconds=bounds.get("seconds", 0.0),
    )
    asyncio.run(work.run())
    site.settled()
    return work


def test_as_many_messages_are_sent_as_were_asked_for_and_none_breaks(embedded: Served) -> None:
    work = run(embedded, turns=150)

    assert work.tally.turns == 150
    assert set(work.tally.results) <= {"200", "500", "429", "left"}
    assert embedded.rows("SELECT count(*) FROM turn")[0][0] == 150


def test_the_pages_will_be_full(embedded: Served) -> None:
    run(embedded, turns=400)
    outcomes = {row[0] for row in embedded.rows("SELECT DISTINCT outcome FROM turn")}
    relations = {row[0] for row in embedded.rows("SELECT DISTINCT relation FROM turn")}
    apis = {row[0] for row in embedded.rows("SELECT DISTINCT api FROM turn")}
    verdicts = {row[0] for row in embedded.rows("SELECT DISTINCT verdict_output FROM turn")}

    assert {"served", "stopped", "help", "notice", "failed"} <= outcomes
    assert {"new", "continued"} <= relations
    assert len(apis) == 3
    assert {"allow", "redact", "stop"} <= verdicts
    assert embedded.rows("SELECT count(*) FROM turn WHERE unattributed = 0")[0][0] > 300


def test_a_paced_run_ends_at_its_time(embedded: Served) -> None:
    work = run(embedded, rate=40.0, seconds=1.0)

    assert 5 < work.tally.turns < 120


def test_a_run_that_is_stopped_leaves_nothing_open(embedded: Served) -> None:
    work = Traffic(Target(f"{embedded.url}/v1", MODEL, {"": embedded.key}), 1, 0.0)
    work.told = lambda tally: work.stop.set() if tally.turns >= 30 else None
    asyncio.run(work.run())
    embedded.settled()

    assert work.tally.turns >= 30
    assert embedded.rows("SELECT count(*) FROM turn WHERE state = 'open'") == [(0,)]


def test_demo_services_and_keys_are_named_so_and_the_keys_end_with_it(embedded: Served) -> None:
    for _ in range(2):
        with demo_keys(embedded.data) as found:
            assert set(found) == set(SERVICES)
    names = embedded.rows("SELECT name FROM service ORDER BY name")
    keys = embedded.rows("SELECT created_by, revoked_at IS NULL FROM api_key WHERE created_by = :who", who=WHO)

    assert names == [("default",), ("demo-assistant",), ("demo-companion",), ("demo-homework",)]
    assert len(keys) == 6
    assert all(not live for _, live in keys)


def test_the_command_makes_its_keys_sends_and_sums_up(serve: Serve) -> None:
    site = serve()
    command = ["demo", "traffic", "--rate", "0", "--turns", "60", "--url", f"{site.url}/v1", "--data", str(site.data)]
    done = CliRunner().invoke(build(("demo",)), command)

    assert done.exit_code == 0, done.output
    assert "60 in" in done.output
    assert {row[0] for row in site.rows("SELECT DISTINCT audience FROM turn")} >= {"child", "teen", "elder"}


def test_without_a_key_it_says_what_to_give() -> None:
    done = CliRunner().invoke(build(("demo",)), ["demo", "traffic"])

    assert isinstance(done.exception, InvalidInputError)
    assert "--data" in str(done.exception)


def test_without_a_gateway_it_says_how_to_start_one(unused_tcp_port: int) -> None:
    command = ["demo", "traffic", "--key", "zm-x", "--url", f"http://127.0.0.1:{unused_tcp_port}/v1"]
    done = CliRunner().invoke(build(("demo",)), command)

    assert isinstance(done.exception, UnavailableError)
    assert "make run" in str(done.exception)


def test_a_key_that_the_gateway_does_not_know_is_told(embedded: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhengming.demo.reached._PATIENCE", 0.3)
    done = CliRunner().invoke(build(("demo",)), ["demo", "traffic", "--key", "zm-x", "--url", f"{embedded.url}/v1"])

    assert isinstance(done.exception, UnavailableError)
    assert "does not know the key" in str(done.exception)


def test_the_same_seed_sends_the_same_requests(serve: Serve) -> None:
    seen = []
    for _ in range(2):
        site = serve()
        work = run(site, turns=80, seed=9)
        rows = site.rows(
            "SELECT api, streamed, verdict_input, care_level, count(*) FROM turn"
            " GROUP BY api, streamed, verdict_input, care_level ORDER BY 1, 2, 3, 4"
        )
        seen.append((work.tally.people, work.tally.apis, work.tally.kinds, work.tally.languages, rows))

    assert seen[0] == seen[1]
