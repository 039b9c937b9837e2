"""The page of measured figures, made from `bench/results/*.json`: no figure stands there that no command printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

RESULTS = Path(__file__).resolve().parent.parent / "bench" / "results"

INTRO = """# Measured, not promised

Every figure is a ratio from one run on one machine, beside a peer or a floor: absolute times differ by a factor of two
from minute to minute on shared machines, ratios far less. The aims are the ones we set ourselves; where one is missed
it says so. The raw figures lie in `bench/results/`.
"""

AIMS: Final[dict[str, tuple[str, str, float]]] = {
    "cpu_request_vs_bare": ("CPU a whole request, against a bare raw-ASGI and aiohttp pass-through", "at most", 2.5),
    "cpu_request_vs_litellm": ("CPU a whole request, against LiteLLM's proxy without a guard", "at most", 0.025),
    "cpu_chunk_vs_bare": ("CPU a paced chunk of a stream, against the pass-through", "at most", 1.75),
    "cpu_chunk_vs_litellm": ("CPU a paced chunk, against LiteLLM without a guard", "at most", 0.125),
    "memory_vs_litellm": ("resident memory, against LiteLLM", "at most", 0.25),
    "ttft_vs_bare": ("time to first token, against the pass-through", "at most", 1.3),
    "held_characters_mean": ("characters held after a chunk of ordinary text, mean", "at most", 2.0),
    "held_characters_p99": ("the same, 99th percentile", "at most", 16.0),
    "lost_per_acknowledged": ("acknowledged entries lost after a SIGKILL", "at most", 0.0),
    "doubled_per_acknowledged": ("acknowledged entries found twice", "at most", 0.0),
    "sqlite_slowest_p95_to_aim": ("slowest page on SQLite, 95th percentile, against 300 ms", "at most", 1.0),
    "postgresql_slowest_p95_to_aim": ("slowest page on PostgreSQL, the same", "at most", 1.0),
    "sqlite_heaviest_first_page_to_aim": ("heaviest first page with all that it loads, against 150 kB", "at most", 1.0),
}

SECTIONS: Final = {
    "gateway": (
        "The gateway",
        "Everything on, 10,000 patterns beside the starter library, 16 requests at once, one core.",
    ),
    "guard": (
        "The guard",
        "A million random cuts: nothing of a span to be stopped or redacted leaves before its verdict.",
    ),
    "store": (
        "Durable writes",
        "Each acknowledged after COMMIT with a synced log; the floor is a plain SQLite commit a write.",
    ),
    "console": (
        "The console",
        "Every page over two million turns, one request after another, against the page of an unknown address.",
    ),
    "kill": (
        "SIGKILL under load",
        "A process is killed a hundred times on each database; what it acknowledged is looked for.",
    ),
}


def measured_page() -> str:
    """Return the whole page."""
    text = INTRO
    for name, (title, what) in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            text += _section(title, what, name, json.loads(path.read_text(encoding="utf-8")))
    return text


def _section(title: str, what: str, name: str, result: dict[str, Any]) -> str:
    machine = result["machine"]
    lines = [
        f"\n## {title}\n",
        f"{what} `make bench-{name}`, {machine['processor']}, {machine['cores']} cores, commit {result['commit']}.\n",
        "| figure | measured | aim | |",
        "|---|---|---|---|",
    ]
    figures = {**result["ratios"], **result["raw"].get("held_characters", {})}
    for key, value in figures.items():
        meaning, bound, aim = AIMS.get(key, (key.replace("_", " "), "", None))
        verdict = "" if aim is None else "met" if value <= aim else "missed"
        lines.append(f"| {meaning} | {value:.4g} | {f'{bound} {aim:g}' if aim is not None else ''} | {verdict} |")
    return "\n".join(lines) + "\n"
