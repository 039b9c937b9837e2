"""Keys, switches, limits, reports and rules: what an operator changes is in force at once, and is in the ledger."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import AuthenticationError, BadRequestError, InternalServerError, PermissionDeniedError, RateLimitError
from tests.gateway.conftest import Serve, write_upstream
from tests.gateway.served import Served
from tests.gateway.upstreams.hostile import HostileServer, whole

from zhengming.accounts import keys
from zhengming.accounts.profiles import LabelPolicy, Limits
from zhengming.accounts.switches import lift, set_switch
from zhengming.app.compose import look_at_rules
from zhengming.core.words import Audience, LabelPlacement, SwitchKind

MODEL = "zhengming-rehearsal"
ORDINARY: list[Any] = [{"role": "user", "content": "请用一段话介绍怎样泡茶"}]


def entries(served: Served) -> list[Any]:
    return [json.loads(bytes(row[0])) for row in served.rows("SELECT payload FROM ledger_entry ORDER BY seq")]


def report(served: Served, **fields: Any) -> tuple[int, Any]:
    host, port = served.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("POST", "/api/reports", json.dumps(fields), served.headers())
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_revoked_key_opens_nothing(served: Served) -> None:
    key = served.new_key()
    served.client(key).models.list()
    now = served.gateway.clock()
    served.write(lambda tx: keys.revoke(tx, keys.find(tx, key[:11]).id, who="lin", why="leaked", now=now))

    with pytest.raises(AuthenticationError):
        served.client(key).models.list()


def test_a_key_without_the_scope_is_refused(served: Served) -> None:
    key = served.new_key(scopes=["report"])

    with pytest.raises(PermissionDeniedError):
        served.client(key).models.list()


def test_a_switch_stops_generation_and_lifting_it_lets_it_go_on(served: Served) -> None:
    now = served.gateway.clock()
    switch = served.write(
        lambda tx: set_switch(tx, SwitchKind.STOP_GENERATION, who="lin", why="应急演练", function="chat", now=now)
    )
    stopped = served.client().chat.completions.create(model=MODEL, messages=ORDINARY).choices[0].message.content
    served.write(lambda tx: lift(tx, switch.id, who="lin", why="over", now=now + 1))
    going = served.client().chat.completions.create(model=MODEL, messages=ORDINARY).choices[0].message.content

    assert "应急演练" in str(stopped)
    assert "先用热水把茶壶" in str(going)
    kinds = [entry["type"] for entry in entries(served)]
    assert kinds.index("switch.set") < kinds.index("switch.lifted")


def test_a_rate_limit_is_told_with_the_time_to_wait(served: Served) -> None:
    key = served.new_service("tight", limits=Limits(key_requests_per_minute=1))
    client = served.client(key)
    client.chat.completions.create(model=MODEL, messages=ORDINARY)

    with pytest.raises(RateLimitError) as caught:
        client.chat.completions.create(model=MODEL, messages=ORDINARY)
    assert int(caught.value.response.headers["retry-after"]) >= 1


@pytest.mark.postgres
@pytest.mark.redis
def test_replicas_share_limits_and_switches(serve: Serve, postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    first = serve(database=postgres_url, redis=redis_url)
    data = tmp_path / "replica"
    data.mkdir(mode=0o700)
    for name in ("ledger.key", "master.key", "identity.key"):
        shutil.copy2(first.data / name, data / name)
    second = serve(database=postgres_url, redis=redis_url, data=data)
    key = first.new_service("tight", limits=Limits(key_requests_per_minute=1))
    first.client(key).chat.completions.create(model=MODEL, messages=ORDINARY)
    second.run(second.gateway.directory.refresh())

    with pytest.raises(RateLimitError):
        second.client(key).chat.completions.create(model=MODEL, messages=ORDINARY)
    now = first.gateway.clock()
    first.write(lambda tx: set_switch(tx, SwitchKind.STOP_GENERATION, who="lin", why="演练", now=now))
    second.run(second.gateway.directory.refresh())
    answer = second.client().chat.completions.create(model=MODEL, messages=ORDINARY)
    assert "演练" in str(answer.choices[0].message.content)


def test_a_reported_age_decides_the_audience(served: Served) -> None:
    key = served.new_service("all", audiences=frozenset({Audience.TEEN, Audience.ADULT}))
    status, answer = report(served, kind="registration", user="anna", age=30)
    served.client(key).chat.completions.create(model=MODEL, messages=ORDINARY)
    audiences = {row[0] for row in served.rows("SELECT audience FROM turn")}

    assert (status, answer["allowed"]) == (200, True)
    assert audiences == {"teen"}, "without an end user the strictest audience counts"


def test_a_stopped_registration_is_answered_with_who_and_why(served: Served) -> None:
    now = served.gateway.clock()
    served.write(lambda tx: set_switch(tx, SwitchKind.STOP_REGISTRATION, who="lin", why="notice 7", now=now))
    status, answer = report(served, kind="registration", user="bo")

    assert status == 200
    assert answer["allowed"] is False
    assert (answer["switch"]["who"], answer["switch"]["why"]) == ("lin", "notice 7")


def test_a_publication_is_refused_while_publishing_is_stopped(served: Served) -> None:
    allowed = report(served, kind="publication", user="bo")[1]["allowed"]
    now = served.gateway.clock()
    served.write(lambda tx: set_switch(tx, SwitchKind.STOP_PUBLISHING, who="lin", why="notice 9", now=now))
    answer = report(served, kind="publication", user="bo")[1]

    assert allowed is True
    assert (answer["allowed"], answer["switch"]["why"]) == (False, "notice 9")


def test_embeddings_count_against_the_limits_of_the_key(served: Served) -> None:
    client = served.client(served.new_service("tight", limits=Limits(key_requests_per_minute=1)))
    client.embeddings.create(model="zhengming-rehearsal-embed", input="茶")

    with pytest.raises(RateLimitError) as caught:
        client.embeddings.create(model="zhengming-rehearsal-embed", input="茶")
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_more_turns_than_the_process_may_serve_are_turned_away(serve: Serve) -> None:
    with pytest.raises(InternalServerError) as caught:
        serve(max_active_turns=0).client().chat.completions.create(model=MODEL, messages=ORDINARY)
    assert caught.value.code == "overloaded"


def test_a_bad_report_names_its_field(served: Served) -> None:
    assert "birthday" in report(served, kind="birthday", user="anna")[1]["error"]["message"]
    assert report(served, kind="age", user="anna")[0] == 400
    assert "colour" in report(served, kind="age", user="anna", colour="red")[1]["error"]["message"]


@pytest.mark.parametrize("placement", list(LabelPlacement))
def test_the_label_stands_where_the_service_wants_it(embedded: Served, placement: LabelPlacement) -> None:
    key = embedded.new_service("shop", label=LabelPolicy(placement=placement, language="zh-CN"))
    said = str(embedded.client(key).chat.completions.create(model=MODEL, messages=ORDINARY).choices[0].message.content)
    places = {
        LabelPlacement.START: "AI生成" in said.splitlines()[0],
        LabelPlacement.END: "AI生成" in said.splitlines()[-1],
        LabelPlacement.INTERFACE: "AI生成" not in said,
    }

    assert places[placement]


def test_rules_of_the_operator_come_into_force_while_it_serves(serve: Serve, tmp_path: Path) -> None:
    rules = tmp_path / "own.csv"
    rules.write_text("id,category,severity,literal\nown.tea,spam,4,从不出现的词\n", encoding="utf-8")
    served = serve(rules=(str(rules),))
    before = served.gateway.rules.ruling.version
    rules.write_text("id,category,severity,literal\nown.tea,fraud,4,先用热水把茶壶\n", encoding="utf-8")
    served.run(served.gateway.rules.refresh())
    answer = served.client().chat.completions.create(model=MODEL, messages=ORDINARY).choices[0]

    assert served.gateway.rules.ruling.version != before
    assert answer.finish_reason == "content_filter"
    assert "先用热水把茶壶" not in str(answer.message.content)


def test_a_freeze_of_changes_holds_the_rules_in_force(serve: Serve, tmp_path: Path) -> None:
    rules = tmp_path / "own.csv"
    rules.write_text("id,category,severity,literal\nown.tea,spam,4,从不出现的词\n", encoding="utf-8")
    served = serve(rules=(str(rules),), poll_seconds=60.0)
    before = served.gateway.rules.ruling
    now = served.gateway.clock()
    freeze = served.write(lambda tx: set_switch(tx, SwitchKind.FREEZE_CHANGES, who="lin", why="audit", now=now))
    rules.write_text("id,category,severity,literal\nown.tea,fraud,4,先用热水把茶壶\n", encoding="utf-8")
    served.run(look_at_rules(served.gateway))
    assert served.gateway.rules.ruling is before

    served.write(lambda tx: lift(tx, freeze.id, who="lin", why="over", now=now + 1))
    served.run(look_at_rules(served.gateway))
    assert served.gateway.rules.ruling.version != before.version
    assert entries(served)[-1]["type"] == "rules.changed"


def test_a_rule_file_that_cannot_be_read_leaves_the_old_rules_in_force(serve: Serve, tmp_path: Path) -> None:
    rules = tmp_path / "own.csv"
    rules.write_text("id,category,severity,literal\nown.tea,fraud,4,先用热水把茶壶\n", encoding="utf-8")
    served = serve(rules=(str(rules),))
    before = served.gateway.rules.ruling
    rules.write_text("nonsense", encoding="utf-8")
    served.run(served.gateway.rules.refresh())

    assert served.gateway.rules.ruling is before
    assert "own.csv" in served.gateway.rules.failure


def test_a_blocked_request_never_reaches_the_model(serve: Serve, tmp_path: Path) -> None:
    rules = tmp_path / "own.csv"
    rules.write_text("id,category,severity,literal\nown.bad,fraud,4,怎样泡茶\n", encoding="utf-8")
    served = serve(rules=(str(rules),))
    answer = served.client().chat.completions.create(model=MODEL, messages=ORDINARY).choices[0]

    assert answer.finish_reason == "content_filter"
    assert "先用热水" not in str(answer.message.content)
    assert served.rows("SELECT outcome, verdict_input FROM turn") == [("notice", "block")]


def test_a_refused_message_in_the_history_is_kept_from_the_model_and_the_talk_goes_on(
    serve: Serve, upstream: Callable[..., HostileServer], tmp_path: Path
) -> None:
    rules = tmp_path / "own.csv"
    rules.write_text("id,category,severity,literal\nown.bad,fraud,4,怎样泡茶\n", encoding="utf-8")
    reply = b'{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}]}'
    server = upstream(whole(reply))
    write_upstream(tmp_path / "data", server.url)
    client = serve(data=tmp_path / "data", rules=(str(rules),)).client()
    first = client.chat.completions.create(model="m", messages=ORDINARY, user="bo").choices[0].message.content
    messages = [*ORDINARY, {"role": "assistant", "content": first}, {"role": "user", "content": "谢谢"}]
    second = client.chat.completions.create(model="m", messages=messages, user="bo").choices[0]

    assert "Yes." in str(second.message.content)
    assert len(server.requests) == 1, "the first never reached the model"
    assert "怎样泡茶" not in json.loads(server.requests[0].body)["messages"][0]["content"]


def test_an_identifier_without_bounds_is_refused(served: Served) -> None:
    with pytest.raises(BadRequestError):
        served.client().chat.completions.create(model=MODEL, messages=ORDINARY, user="x" * 5_000)


def test_probes_and_metrics_answer_without_a_key(served: Served) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    for path in ("/healthz", "/readyz", "/metrics"):
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 200
