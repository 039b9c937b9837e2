"""What the pages say of upstreams is what the code does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from zhengming.gateway.upstreams import RouteTable, TimeOuts, UpstreamConfig, UpstreamConfigError, errors, gather
from zhengming.gateway.upstreams.config import parse_upstream
from zhengming.gateway.upstreams.errors import UpstreamError

ROOT = Path(__file__).resolve().parents[3]
HOW_TO = (ROOT / "docs" / "how-to" / "connect-a-model.md").read_text("utf-8")
EXPLANATION = (ROOT / "docs" / "explanation" / "upstreams.md").read_text("utf-8")


def test_every_setting_of_the_file_is_documented_with_its_default() -> None:
    with pytest.raises(UpstreamConfigError) as caught:
        parse_upstream({"name": "main", "url": "http://a/v1", "?": 1}, {})
    known = set(re.findall(r"[a-z_]+", caught.value.next_step.partition("Known are")[2]))

    for setting in known - {"name", "timeouts"}:
        assert f"| `{setting}` |" in HOW_TO
    for limit in fields(TimeOuts):
        assert re.search(rf"\| `timeouts\.{limit.name}` \| {limit.default:g} \|", HOW_TO)
    sizes = UpstreamConfig("main", "http://a/v1")
    assert f"| `max_response_bytes` | {sizes.max_response_bytes} |" in HOW_TO
    assert f"| `max_connections` | {sizes.max_connections} |" in HOW_TO


def test_the_example_of_the_file_works(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", HOW_TO, re.DOTALL)
    (tmp_path / "upstreams.yaml").write_text(example, encoding="utf-8")
    configs, routes = gather([], tmp_path, {"SPARE_KEY": "k"})

    assert [target.upstream for target in RouteTable(configs, routes).targets("chat")] == ["main", "spare"]


def test_every_error_code_is_explained() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UpstreamError)]

    for code in {kind.code for kind in kinds} - {"upstream_error"}:
        assert f"`{code}`" in EXPLANATION
