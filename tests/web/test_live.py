"""Live parts of a page: what a stream says, and when it ends."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from zhengming.app.serve import Server, listen, server_config
from zhengming.app.settings import Settings
from zhengming.core.errors import UnavailableError
from zhengming.web import live
from zhengming.web.live import Parts, TooManyStreamsError, events


class Site:
    """A page that is followed live; the test decides what it shows and who may go on reading."""

    def __init__(self) -> None:
        self.parts: list[Parts | Exception] = [{"count": "1"}]
        self.signed_in = True
        self.url = ""
        self.stop: Any = None
        self.thread: threading.Thread | None = None

    async def produce(self) -> Parts:
        found = self.parts.pop(0) if len(self.parts) > 1 else self.parts[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def follow(self, request: Request) -> Response:
        async def alive() -> bool:
            return self.signed_in

        try:
            reader = request.query_params.get("reader", "")
            return events(self.produce, every=0.01, request=request, alive=alive, reader=reader)
        except TooManyStreamsError as error:
            return PlainTextResponse(str(error), 503)

    async def count(self, _request: Request) -> Response:
        return PlainTextResponse(str(live.open_streams()))

    def open_streams(self) -> int:
        return int(httpx2.get(f"{self.url}/count").text)


@contextmanager
def serving(site: Site, data: Path) -> Iterator[None]:
    app: Any = Starlette(routes=[Route("/live", site.follow), Route("/count", site.count)])
    settings = Settings(data=data, port=0)
    started = threading.Event()

    async def main() -> None:
        listener = listen(settings)
        site.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = Server(server_config(app, settings))
        site.stop = lambda: setattr(server, "should_exit", True)
        started.set()
        await server._serve(sockets=[listener])

    site.thread = threading.Thread(target=lambda: asyncio.run(main()))
    site.thread.start()
    assert started.wait(10)
    try:
        yield
    finally:
        site.stop()
        site.thread.join(15)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site()
    with serving(found, tmp_path):
        yield found


def frames(answer: httpx2.Response) -> Iterator[dict[str, str]]:
    """Each event of a stream as its fields."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            yield fields
            fields = {}


def test_a_stream_says_at_once_how_things_are_and_again_only_when_they_changed(site: Site) -> None:
    site.parts = [{"count": "1"}, {"count": "1"}, {"count": "二\n<b>"}]
    with httpx2.stream("GET", f"{site.url}/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        said = frames(answer)
        assert next(said) == {"retry": "3000"}
        first, second = next(said), next(said)

    assert json.loads(first["data"]) == {"count": "1"}
    assert json.loads(second["data"]) == {"count": "二\n<b>"}
    assert first["event"] == "parts"
    assert int(first["id"]) <= int(second["id"])


def test_a_page_is_told_that_it_is_stale_once_and_hears_when_that_is_over(site: Site) -> None:
    down = UnavailableError("The database is away.", next_step="Wait.")
    site.parts = [{"count": "1"}, down, down, down, {"count": "1"}]
    with httpx2.stream("GET", f"{site.url}/live") as answer:
        said = frames(answer)
        kinds = [next(said).get("event", "") for _ in range(4)]

    assert kinds == ["", "parts", "stale", "parts"]


def test_a_stream_ends_with_its_session_and_says_so(site: Site) -> None:
    with httpx2.stream("GET", f"{site.url}/live") as answer:
        said = frames(answer)
        next(said), next(said)
        site.signed_in = False
        rest = list(said)

    assert [one["event"] for one in rest] == ["over"]


def test_a_quiet_stream_says_that_it_still_lives(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.02)
    with httpx2.stream("GET", f"{site.url}/live") as answer:
        lines = answer.iter_lines()
        while not (line := next(lines)).startswith(":"):
            assert "stale" not in line


def test_a_client_that_leaves_gives_its_place_back(site: Site) -> None:
    with httpx2.stream("GET", f"{site.url}/live") as answer:
        said = frames(answer)
        next(said)
        assert site.open_streams() == 1
    deadline = time.monotonic() + 5
    while site.open_streams():
        assert time.monotonic() < deadline


def test_more_streams_than_a_process_serves_are_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    with httpx2.stream("GET", f"{site.url}/live") as answer:
        said = frames(answer)
        next(said)

        assert httpx2.get(f"{site.url}/live").status_code == 503


def test_whoever_asks_for_the_headers_of_a_stream_takes_no_place(site: Site) -> None:
    answer = httpx2.head(f"{site.url}/live")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert site.open_streams() == 0


def test_one_reader_does_not_take_the_places_of_the_others(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 1)
    with httpx2.stream("GET", f"{site.url}/live?reader=ann") as answer:
        assert answer.status_code == 200
        assert httpx2.get(f"{site.url}/live?reader=ann").status_code == 503
        with httpx2.stream("GET", f"{site.url}/live?reader=ben") as other:
            assert other.status_code == 200


def test_a_server_with_an_open_stream_shuts_down_at_once(site: Site) -> None:
    with httpx2.stream("GET", f"{site.url}/live") as answer:
        said = frames(answer)
        next(said), next(said)
        began = time.monotonic()
        site.stop()
        assert list(said) == []
        assert site.thread is not None
        site.thread.join(10)

        assert not site.thread.is_alive()
        assert time.monotonic() - began < 3
