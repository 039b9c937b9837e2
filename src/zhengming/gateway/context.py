"""What every turn of a process shares. Made by the composition root, handed to the turns as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from zhengming.accounts.conversations import Conversations
from zhengming.accounts.directory import Directory
from zhengming.accounts.limits import Limiter
from zhengming.accounts.pseudonyms import Pseudonyms
from zhengming.care.prepared import PreparedHelp
from zhengming.gateway.metrics import Metrics
from zhengming.gateway.pulse import Pulse
from zhengming.gateway.rules import RulesInForce
from zhengming.gateway.sittings import Sittings
from zhengming.gateway.stats.counting import Counting
from zhengming.gateway.upstreams.catalogue import ModelList
from zhengming.gateway.upstreams.pool import UpstreamPool
from zhengming.ledger.vault import Vault
from zhengming.store import Store


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one turn. Bytes, seconds, characters."""

    max_body_bytes: int = 20_000_000
    max_answer_bytes: int = 50_000_000
    body_seconds: float = 30.0
    max_active_turns: int = 2_000
    progress_seconds: float = 2.0
    progress_characters: int = 1_000
    inline_characters: int = 100_000  # longer texts are judged in a thread, so that other turns go on


@dataclass(slots=True)
class Gateway:
    """The parts of a gateway process. `clock` gives milliseconds since 1970, UTC."""

    store: Store
    vault: Vault
    directory: Directory
    pseudonyms: Pseudonyms
    conversations: Conversations
    limiter: Limiter
    upstreams: UpstreamPool
    models: ModelList
    rules: RulesInForce
    sittings: Sittings
    metrics: Metrics
    help: PreparedHelp
    counting: Counting
    instance: str
    clock: Callable[[], int]
    bounds: Bounds = Bounds()
    detector_error: str = "refuse"
    metrics_open: bool = True
    active: int = 0
    pulse: Pulse = field(default_factory=Pulse)
