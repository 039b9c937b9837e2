"""A hostile upstream: a plain socket server whose every byte the test decides."""

from __future__ import annotations

import asyncio
import resource
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from zhengming.gateway.upstreams import TimeOuts, UpstreamConfig, UpstreamRequest

Reply = Callable[["Conversation"], Awaitable[None]]


@dataclass
class Conversation:
    """One request as the server got it, and the socket to answer on."""

    head: bytes
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send, and wait until the socket has taken it."""
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client has cut the connection."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            return

    async def send_until_cut(self, piece: bytes) -> int:
        """Send without end; return how many bytes went out before the client cut the connection."""
        sent = 0
        try:
            while True:
                await self.send(piece)
                sent += len(piece)
                await asyncio.sleep(0)
        except ConnectionError:
            return sent


@dataclass
class HostileServer:
    """Answers each request with the next reply; the last reply answers all that follow."""

    replies: list[Reply]
    requests: list[Conversation] = field(default_factory=list)
    url: str = ""
    connections: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        try:
            while (conversation := await self._request(reader, writer)) is not None:
                self.requests.append(conversation)
                reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
                await reply(conversation)
                if writer.is_closing():
                    return
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Conversation | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        return Conversation(head, await reader.readexactly(length), reader, writer)


@asynccontextmanager
async def hostile(*replies: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[HostileServer]:
    """Run a hostile server on a free port."""
    server = HostileServer(list(replies))
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await server.handle(reader, writer)
        except asyncio.CancelledError:
            return

    listener = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    server.url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def self_signed(directory: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 and its key as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = directory / "cert.pem", directory / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def whole(body: bytes, status: str = "200 OK", headers: bytes = b"") -> Reply:
    """A reply with a body of known length."""

    async def reply(conversation: Conversation) -> None:
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n"
        await conversation.send(head % (status.encode(), len(body), headers) + body)

    return reply


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def config(url: str, name: str = "main", **further: Any) -> UpstreamConfig:
    times = TimeOuts(connect=2.0, first_byte=3.0, between_bytes=3.0, total=20.0)
    return UpstreamConfig(**{"name": name, "url": url, "timeouts": times, **further})


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


async def until(holds: Callable[[], bool]) -> None:
    """Let other tasks run until something holds; the test's own time-out ends a wait in vain."""
    while not holds():  # noqa: ASYNC110 - a condition of the library's own objects has no event
        await asyncio.sleep(0)


REQUEST = UpstreamRequest("POST", "/v1/chat/completions", "chat", lambda model: b'{"model":"%s"}' % model.encode())
