"""How upstreams are described, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhengming.gateway.upstreams import RouteTable, Target, UnknownModelError, UpstreamConfigError, gather, parse_option
from zhengming.gateway.upstreams.config import Secret, UpstreamConfig, key_variable, parse_upstream, rehearsal_config


@pytest.mark.parametrize(
    ("option", "url"),
    [
        ("main=http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("main=http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("main=https://api.example.com/v1/", "https://api.example.com/v1"),
        ("main=https://example.com/compatible-mode/v1", "https://example.com/compatible-mode/v1"),
        ("main=http://[::1]:9/v1", "http://[::1]:9/v1"),
        ("main=rehearsal:", "rehearsal:"),
    ],
)
def test_an_option_names_an_upstream_and_its_base_url(option: str, url: str) -> None:
    config = parse_option(option, {})

    assert (config.name, config.url) == ("main", url)


@pytest.mark.parametrize(
    "option",
    [
        "main",
        "=http://a",
        "main=",
        "Main=http://a",
        "../x=http://a",
        "main=ftp://a/v1",
        "main=http://",
        "main=http://a:99999/v1",
        "main=http://user:secret@a/v1",
        "main=http://a/v1?key=secret",
        "main=http://a/v1#x",
        "main=http://a/v1\r\nx: 1",
        "main=http://例子.cn/v1",
        "main=file:///etc/passwd",
    ],
)
def test_an_unusable_option_is_refused_without_repeating_what_may_be_secret(option: str) -> None:
    with pytest.raises(UpstreamConfigError) as caught:
        parse_option(option, {})

    assert "secret" not in str(caught.value)
    assert caught.value.next_step


def test_the_key_comes_from_the_environment_and_never_shows() -> None:
    environment = {"ZHENGMING_UPSTREAM_MY_MODEL_KEY": " sk-very-secret\n"}
    config = parse_option("my-model=http://a/v1", environment)

    assert key_variable("my-model") == "ZHENGMING_UPSTREAM_MY_MODEL_KEY"
    assert config.api_key.reveal() == "sk-very-secret"
    assert "sk-very-secret" not in f"{config!r} {config} {config.api_key!r} {config.api_key}"
    assert config.api_key == Secret("sk-very-secret")
    assert not Secret()


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"key_env": "MISSING"}, "MISSING, which is not set"),
        ({"key_env": "not a name"}, "not the name of an environment variable"),
        ({"key_env": "BAD"}, "characters that no key may hold"),
        ({"api_key": "sk-1"}, "A key belongs into the environment"),
        ({"nonsense": 1}, "is not a setting"),
        ({"models": "gpt"}, "not a mapping of names"),
        ({"models": {"a": 1}}, "not a mapping of names"),
        ({"models": {"a\nb": "c"}}, "not a mapping of names"),
        ({"timeouts": {"connect": 0}}, "timeouts.connect"),
        ({"timeouts": {"connect": True}}, "timeouts.connect"),
        ({"timeouts": {"connect": float("inf")}}, "timeouts.connect"),
        ({"timeouts": {"patience": 3}}, "may hold connect"),
        ({"max_response_bytes": 1.5}, "max_response_bytes"),
        ({"max_connections": -1}, "max_connections"),
        ({"forward_headers": ["Authorization"]}, "'authorization'"),
        ({"forward_headers": ["x: y"]}, "'x: y'"),
        ({"forward_headers": "x-a"}, "not a list"),
        ({"ca_file": "/does/not/exist"}, "is not a file"),
        ({"url": None}, "url"),
    ],
)
def test_a_record_with_a_mistake_names_the_upstream_and_the_field(record: dict[str, object], says: str) -> None:
    environment = {"BAD": "sk-1\r\nx: y"}
    with pytest.raises(UpstreamConfigError) as caught:
        parse_upstream({"name": "main", "url": "http://a/v1", **record}, environment)

    assert "'main'" in str(caught.value)
    assert says in str(caught.value)
    assert "sk-1" not in str(caught.value)


FILE = """
upstreams:
  - name: main
    url: https://api.example.com/v1
    key_env: MAIN
    models: {chat: qwen-max, small: qwen-turbo}
    timeouts: {first_byte: 30}
    forward_headers: [X-Trace]
  - name: spare
    url: http://spare/v1
    models: [chat]
routes:
  chat: [spare, main]
"""


def test_a_file_describes_upstreams_and_routes(tmp_path: Path) -> None:
    (tmp_path / "upstreams.yaml").write_text(FILE, encoding="utf-8")
    configs, routes = gather([], tmp_path, {"MAIN": "k"})

    assert [config.name for config in configs] == ["main", "spare"]
    assert configs[0].timeouts.first_byte == 30.0
    assert configs[0].forward_headers == {"x-trace"}
    table = RouteTable(configs, routes)
    assert table.targets("chat") == (Target("spare", "chat"), Target("main", "qwen-max"))
    assert table.targets("small") == (Target("main", "qwen-turbo"),)
    assert table.aliases == ("chat", "small")


def test_an_option_takes_the_place_of_the_record_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "upstreams.yaml").write_text(FILE, encoding="utf-8")
    configs, _ = gather(["spare=http://elsewhere/v1"], tmp_path, {"MAIN": "k"})

    assert {config.name: config.url for config in configs} == {
        "spare": "http://elsewhere/v1",
        "main": "https://api.example.com/v1",
    }


def test_with_nothing_configured_the_rehearsal_serves_with_its_chat_model_first(tmp_path: Path) -> None:
    (config,), routes = gather([], tmp_path, {})

    assert config.rehearsal
    assert RouteTable([config], routes).aliases[0] == "zhengming-rehearsal"


@pytest.mark.parametrize(
    "text",
    [
        "upstreams: [",
        "- a",
        "upstreams: {a: b}",
        "upstreams: [a]",
        "other: 1",
        "routes: [a]",
        "routes: {a: b}",
        "\udcff",
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "upstreams.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UpstreamConfigError, match=r"upstreams\.yaml"):
        gather([], tmp_path, {})


def test_the_only_upstream_takes_every_name_when_it_lists_none() -> None:
    table = RouteTable([UpstreamConfig("main", "http://a/v1")])

    assert table.targets("gpt-any") == (Target("main", "gpt-any"),)
    with pytest.raises(UnknownModelError):
        table.targets("")


def test_among_several_an_open_upstream_is_chosen_by_its_name_before_a_slash() -> None:
    table = RouteTable([UpstreamConfig("main", "http://a/v1"), rehearsal_config()])

    assert table.targets("main/org/model") == (Target("main", "org/model"),)
    assert table.targets("zhengming-rehearsal") == (Target("rehearsal", "zhengming-rehearsal"),)
    for unknown in ("gpt", "main/", "rehearsal/x", "other/x"):
        with pytest.raises(UnknownModelError, match="main/<model>") as caught:
            table.targets(unknown)
        assert caught.value.status == 404


@pytest.mark.parametrize("routes", [{"chat": ["nobody"]}, {"chat": ["rehearsal"]}])
def test_a_route_to_what_does_not_serve_it_is_refused(routes: dict[str, list[str]]) -> None:
    with pytest.raises(UpstreamConfigError, match="chat"):
        RouteTable([UpstreamConfig("main", "http://a/v1"), rehearsal_config()], routes)


def test_two_upstreams_of_one_name_are_refused() -> None:
    with pytest.raises(UpstreamConfigError, match="distinct names"):
        RouteTable([rehearsal_config(), rehearsal_config()])
