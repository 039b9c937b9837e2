"""Static files: what lies there, how it is served, how much a first page weighs."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path

import httpx2
import pytest
from tests.console.conftest import SignIn
from tests.gateway.served import Served

from zhengming.core.words import Role
from zhengming.web.assets import STATIC, asset, load, names

VENDOR = STATIC / "vendor"
LISTED = json.loads((VENDOR / "vendored.json").read_text("utf-8"))
NOTICE = (Path(__file__).resolve().parents[2] / "NOTICE").read_text("utf-8")
FIRST_PAGE = 150_000
STYLES = 30_000


@pytest.mark.parametrize("row", LISTED, ids=[row["file"] for row in LISTED])
def test_what_others_wrote_is_what_they_published(row: dict[str, str]) -> None:
    content = (VENDOR / row["file"]).read_bytes()

    assert hashlib.sha256(content).hexdigest() == row["sha256"]
    assert "sha384-" + b64encode(hashlib.sha384(content).digest()).decode() == row["sri"]
    assert (VENDOR / row["licence_file"]).read_text("utf-8").strip()
    assert row["version"] in NOTICE


def test_nothing_unlisted_lies_among_what_others_wrote() -> None:
    wanted = {"vendored.json", *(row["file"] for row in LISTED), *(row["licence_file"] for row in LISTED)}

    assert {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()} == wanted


def test_the_address_of_a_file_carries_its_content() -> None:
    digest = hashlib.sha256((STATIC / "style.css").read_bytes()).hexdigest()

    assert asset("style.css") == f"/static/style.css?v={digest[:16]}"
    with pytest.raises(KeyError):
        asset("no-such-file.css")


def test_the_style_sheet_stays_small() -> None:
    assert len(load("style.css").content) < STYLES


def test_a_hashed_address_is_kept_for_ever_and_another_is_asked_for_anew(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded)

    hashed, plain = client.get(asset("style.css")), client.get("/static/style.css?v=old")

    assert "immutable" in hashed.headers["cache-control"]
    assert plain.headers["cache-control"] == "no-cache"
    assert hashed.headers["content-type"] == "text/css; charset=utf-8"
    assert hashed.headers["x-content-type-options"] == "nosniff"
    again = client.get("/static/style.css", headers={"if-none-match": hashed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_files_go_out_compressed_to_whoever_can_read_that(embedded: Served, sign_in: SignIn) -> None:
    client = sign_in(embedded)

    packed = client.get("/static/console.js", headers={"accept-encoding": "gzip"})
    plain = client.get("/static/console.js", headers={"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == (STATIC / "console.js").read_text("utf-8")
    assert packed.headers["etag"] != plain.headers["etag"]
    assert client.head("/static/console.js").content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nothing.css",
        "/static/../view.py",
        "/static/%2e%2e/view.py",
        "/static/..%2fview.py",
        "/static//etc/passwd",
        "/static/vendor/vendored.json",
        "/static/vendor",
        "/static/style.css%00.js",
    ],
)
def test_nothing_outside_of_the_folder_is_served(embedded: Served, sign_in: SignIn, path: str) -> None:
    client = sign_in(embedded)

    answer = client.send(client.build_request("GET", httpx2.URL(embedded.url).copy_with(raw_path=path.encode())))

    assert answer.status_code == 404


def test_files_can_only_be_read(embedded: Served, sign_in: SignIn) -> None:
    assert sign_in(embedded).post("/static/style.css").status_code == 405


def test_the_first_page_is_light(embedded: Served, sign_in: SignIn) -> None:
    """HTML, styles, scripts and pictures of the largest shell that a newcomer loads, as they go over the wire."""
    client = sign_in(embedded, Role.OWNER)
    page = client.get("/nowhere")
    named = {name for name in re.findall(r'/static/([^"?]+)', page.text) if name in names()}
    every_page_may_use = named | {"live.js", "vendor/htmx.min.js", "vendor/uPlot.iife.min.js", "vendor/uPlot.min.css"}

    weight = len(gzip.compress(page.content)) + sum(len(load(name).compressed) for name in every_page_may_use)

    assert "style.css" in named
    assert weight < FIRST_PAGE
