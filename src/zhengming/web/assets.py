"""Static files: each address carries a hash of the content, so that browsers may keep what they have for ever."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

STATIC: Final = Path(__file__).resolve().parent / "static"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served; a file with another ending is not."""

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK: Final = "no-cache"


class Asset(NamedTuple):
    """One file as it is served: its bytes plain and compressed, its type and the hash in its address."""

    content: bytes
    compressed: bytes
    media_type: str
    digest: str


@cache
def names() -> dict[str, Path]:
    """Return the files that are served, by their name below `/static/`; read once in the life of the process."""
    found = (path for path in sorted(STATIC.rglob("*")) if path.is_file() and path.suffix in TYPES)
    return {path.relative_to(STATIC).as_posix(): path for path in found}


@cache
def load(name: str) -> Asset:
    """Return a file by its name; KeyError when there is none."""
    path = names()[name]
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(content, gzip.compress(content, 9, mtime=0), TYPES[path.suffix], digest)


def asset(name: str) -> str:
    """Return the address of a static file, such as `/static/style.css?v=...`; KeyError when there is none."""
    return f"/static/{name}?v={load(name).digest}"


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request below `/static`, as an ASGI application that is mounted there."""
    await _answer(scope)(scope, receive, send)


def _answer(scope: Scope) -> Response:
    name = str(scope["path"]).removeprefix("/static/")
    if name not in names():
        return PlainTextResponse("There is no such file.", 404)
    if scope["method"] not in {"GET", "HEAD"}:
        return PlainTextResponse("Files can only be read.", 405, {"allow": "GET, HEAD"})
    found, asked = load(name), Headers(scope=scope)
    packed = "gzip" in asked.get("accept-encoding", "")
    tag = f'"{found.digest}{"-gz" if packed else ""}"'
    hashed = scope.get("query_string", b"") == f"v={found.digest}".encode()
    headers = {"etag": tag, "cache-control": _FOR_EVER if hashed else _ASK, "vary": "accept-encoding"}
    if tag in [one.strip().removeprefix("W/") for one in asked.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    if packed:
        headers["content-encoding"] = "gzip"
    return Response(found.compressed if packed else found.content, headers=headers, media_type=found.media_type)
