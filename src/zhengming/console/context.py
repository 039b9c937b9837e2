"""What every page of the console stands on: the process that it looks at, and facts of the installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zhengming.gateway.asgi import GatewayApp
from zhengming.gateway.context import Gateway
from zhengming.web.rendering import Renderer


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of the installation that pages show or obey; made by the composition root."""

    version: str
    data: Path
    database: str  # `SQLite` or `PostgreSQL`, never an address
    shared_limits: bool  # Redis
    started_at: int
    second_factor: str = "optional"  # or `required`
    secure_cookies: bool = False
    address: str = ""  # where people reach the console, such as https://console.example.org
    hosts: frozenset[str] = frozenset()  # names by which browsers may ask for the console, beside IP addresses
    api_requests_per_minute: int = 600  # of one token; 0 means no limit


@dataclass(slots=True)
class Console:
    """The parts of a console. `clock` gives milliseconds since 1970, UTC."""

    gateway: Gateway
    app: GatewayApp
    renderer: Renderer
    facts: Facts
    clock: Callable[[], int]
