"""One measurement: a load on a server, and what the server's processes spent on it."""

from __future__ import annotations

import json
import subprocess
from statistics import median
from typing import Final, NamedTuple

from bench.common import ROOT
from bench.load import Job, command
from bench.mock_model import PIECES
from bench.processes import Server

WHOLE, PACED, BURST = "mock-whole", "mock-paced", "mock-burst"
SCENARIOS: Final = (WHOLE, PACED, BURST)
_PATIENCE: Final = 300.0

Figures = dict[str, float]


class System(NamedTuple):
    """Something under measurement: its server, and the headers with which it wants to be asked."""

    name: str
    server: Server
    headers: dict[str, str]


def measure(system: System, scenario: str, concurrency: int, seconds: float, cores: list[int]) -> Figures:
    """Put one load on a system and return its figures. Raises RuntimeError when it refuses.

    `cpu_us_per_request` and `cpu_us_per_chunk` are CPU time of the server's process tree over what the upstream sent.
    """
    job = Job(system.server.port, scenario, concurrency, seconds, system.headers)
    before = system.server.cpu_seconds()
    figures = run_load(job, cores, system.name)
    spent = (system.server.cpu_seconds() - before) * 1e6
    figures["cpu_us_per_request"] = spent / figures["requests"]
    if pieces := PIECES.get(scenario.encode()):
        figures["cpu_us_per_chunk"] = spent / (figures["requests"] * pieces)
        figures["chunks_per_second"] = figures["requests"] * pieces / figures["seconds"]
    figures["resident_mib"] = system.server.resident_mib()
    return figures


def run_load(job: Job, cores: list[int], name: str) -> Figures:
    """Run the load generator in a process of its own and return its figures."""
    prefix = ["taskset", "-c", ",".join(map(str, cores))] if cores else []
    done = subprocess.run(
        [*prefix, *command(job)], cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name}, {job.model}: {done.stderr[-1500:]}")
    figures: Figures = json.loads(done.stdout)
    return figures


def middle(rounds: list[Figures], key: str) -> float:
    """Return the median of a figure over the rounds."""
    return median(figures[key] for figures in rounds)


def ratio(ours: list[Figures], theirs: list[Figures], key: str) -> float:
    """Return the median over the rounds of ours / theirs, each taken in the same round."""
    return median(a[key] / b[key] for a, b in zip(ours, theirs, strict=True))
