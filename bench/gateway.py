"""`make bench-gateway`: ours, a bare pass-through and LiteLLM in one run, in interleaved rounds.

Everything stands before one mock model and behind one load. What counts is CPU time of the server's processes: it
survives a busy machine better than rates do, and the ratios of one round survive it best. Ours runs with everything on
and 10,000 patterns besides the starter rules; LiteLLM once as it comes, once with its content filter and 100 words.
The time to the first token runs from the request to the first character of text, the 20 ms of the mock model included.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.common import ROOT, write_result
from bench.measure import BURST, PACED, SCENARIOS, WHOLE, Figures, System, measure, middle, ratio
from bench.ordinary import write_rules
from bench.processes import Server, free_port

from bench import litellm_setup

PATTERNS: Final = 10_000
BARE, OURS, LITELLM, FILTERED = "bare", "zhengming", "litellm", "litellm+filter"
ZHENGMING: Final = str(ROOT / ".venv" / "bin" / "zhengming")
Table = dict[str, dict[str, list[Figures]]]


def main() -> int:
    """Measure, print, write; return the exit status."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server outlives the benchmark
    with tempfile.TemporaryDirectory(prefix="zhengming-bench-") as folder, ExitStack() as stack:
        notes: list[str] = []
        systems = [stack.enter_context(_running(s)) for s in _systems(Path(folder), options, notes, stack)]
        table = _rounds(systems, options)
        held = _held(systems)
    _print(table, notes)
    ratios = _ratios(table)
    for name, value in {**ratios, **held}.items():
        print(f"{name:36} {value:10.4f}")
    raw = {
        "unit_notes": "cpu in microseconds of the server's process tree, memory in MiB; lists hold one entry a round",
        "patterns": PATTERNS,
        "concurrency": options.concurrency,
        "rounds": options.rounds,
        "notes": notes,
        "held_characters": held,
        "figures": table,
    }
    if OURS in table:
        print("written:", write_result("gateway", ratios, raw))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each measurement")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--only", default="", help="comma-separated names of systems to measure")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--no-pinning", action="store_true", help="let servers and load share all cores")
    return parser.parse_args()


def _cores(options: argparse.Namespace) -> tuple[list[int], list[int]]:
    """Return the cores of the server under test and those of the mock model and the load."""
    usable = sorted(os.sched_getaffinity(0))
    return ([], []) if options.no_pinning or len(usable) < 2 else (usable[:1], usable[1:])


def _systems(folder: Path, options: argparse.Namespace, notes: list[str], stack: ExitStack) -> Iterator[System]:
    """Yield what is to be measured, each ready to start; the mock model is started first and runs all the time."""
    cores, other_cores = _cores(options)
    port = free_port()
    mock = Server(
        "mock",
        [sys.executable, "-m", "bench.mock_model", str(port)],
        port,
        "/v1/models",
        folder / "mock.log",
        cores=other_cores,
    )
    stack.callback(mock.stop)
    mock.start()
    wanted = set(filter(None, options.only.split(","))) or {BARE, OURS, LITELLM, FILTERED}
    if BARE in wanted:
        port = free_port()
        command = [sys.executable, "-m", "bench.bare_proxy", str(port), mock.url]
        yield System(BARE, Server(BARE, command, port, "/v1/models", folder / "bare.log", cores=cores), {})
    if OURS in wanted:
        yield _ours(folder, mock.url, cores)
    if wanted & {LITELLM, FILTERED}:
        if problem := litellm_setup.install():
            notes.append(f"{problem} Its ratios are left out.")
            return
        for name in (LITELLM, FILTERED):
            if name in wanted:
                yield _litellm(folder, mock.url, cores, name)


def _ours(folder: Path, upstream: str, cores: list[int]) -> System:
    port = free_port()
    data = folder / "data"
    rules = write_rules(folder / "rules.csv", PATTERNS)
    command = [ZHENGMING, "serve", "--data", str(data), "--port", str(port), "--upstream", f"mock={upstream}"]
    server = Server(OURS, [*command, "--rules", str(rules)], port, "/readyz", folder / "ours.log", cores=cores)
    return System(OURS, server, {"zhengming-data": str(data)})


def _litellm(folder: Path, upstream: str, cores: list[int], name: str) -> System:
    port = free_port()
    filtered = name == FILTERED
    config = litellm_setup.write_config(folder / f"{name}.yaml", upstream, filtered=filtered)
    server = Server(
        name,
        litellm_setup.command(config, port),
        port,
        "/health/liveliness",
        folder / f"{name}.log",
        environment=litellm_setup.ENVIRONMENT,
        cores=cores,
    )
    return System(name, server, {"authorization": f"Bearer {litellm_setup.KEY}"})


@contextmanager
def _running(system: System) -> Iterator[System]:
    """Start a system; ours is given an API key while it runs, as its contract promises."""
    print(f"starting {system.name} ...", flush=True)
    try:
        system.server.start()
        if system.name == OURS:
            data = system.headers["zhengming-data"]
            key = subprocess.run(
                [ZHENGMING, "keys", "create", "--data", data, "--service", "default"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip()
            system = system._replace(headers={"authorization": f"Bearer {key}"})
        yield system
    finally:
        system.server.stop()


def _rounds(systems: list[System], options: argparse.Namespace) -> Table:
    scenarios = options.scenarios.split(",")
    _, other_cores = _cores(options)
    for system in systems:
        for scenario in scenarios:
            measure(system, scenario, options.concurrency, 1.0, other_cores)  # warm-up
    table: Table = {system.name: {scenario: [] for scenario in scenarios} for system in systems}
    for number in range(options.rounds):
        for scenario in scenarios:
            for system in systems:
                figures = measure(system, scenario, options.concurrency, options.seconds, other_cores)
                table[system.name][scenario].append(figures)
                print(f"round {number + 1}  {scenario:11} {system.name:15} {_line(figures)}", flush=True)
    return table


def _line(figures: Figures) -> str:
    cpu = f"{figures['cpu_us_per_chunk']:9.1f} us/chunk" if "cpu_us_per_chunk" in figures else ""
    return f"{figures['cpu_us_per_request']:10.0f} us/request {cpu:18} {figures['requests']:6.0f} requests"


def _print(table: Table, notes: list[str]) -> None:
    head = ("system", "us/request", "req/s", "us/chunk", "chunks/s", "TTFT ms", "us/burst", "burst/s", "MiB")
    print("\n" + "".join(f"{name:>16}" if index == 0 else f"{name:>12}" for index, name in enumerate(head)))
    for name, scenarios in table.items():
        cells = [
            (WHOLE, "cpu_us_per_request"),
            (WHOLE, "requests_per_second"),
            (PACED, "cpu_us_per_chunk"),
            (PACED, "chunks_per_second"),
            (PACED, "first_p50_ms"),
            (BURST, "cpu_us_per_chunk"),
            (BURST, "chunks_per_second"),
            (WHOLE, "resident_mib"),
        ]
        values = [middle(scenarios[scenario], key) if scenarios.get(scenario) else 0.0 for scenario, key in cells]
        print(f"{name:>16}" + "".join(f"{value:12.1f}" for value in values))
    for note in notes:
        print(note)


def _ratios(table: Table) -> dict[str, float]:
    """Return every ratio of ours to the others that this run can give."""
    found: dict[str, float] = {}
    if OURS not in table:
        return found
    ours = table[OURS]
    for name, suffix in ((BARE, "bare"), (LITELLM, "litellm"), (FILTERED, "litellm_filter")):
        theirs = table.get(name)
        if theirs is None:
            continue
        for scenario, key, label in (
            (WHOLE, "cpu_us_per_request", "cpu_request_vs"),
            (PACED, "cpu_us_per_chunk", "cpu_chunk_vs"),
            (BURST, "cpu_us_per_chunk", "cpu_burst_chunk_vs"),
            (WHOLE, "resident_mib", "memory_vs"),
            (PACED, "first_p50_ms", "ttft_vs"),
            (WHOLE, "requests_per_second", "requests_per_second_vs"),
            (BURST, "chunks_per_second", "burst_chunks_per_second_vs"),
        ):
            if ours.get(scenario) and theirs.get(scenario):
                found[f"{label}_{suffix}"] = ratio(ours[scenario], theirs[scenario], key)
    return found


def _held(systems: list[System]) -> dict[str, float]:
    """Return the mean and the 99th percentile of characters held back on ordinary text, as ours counts them."""
    server = next((system.server for system in systems if system.name == OURS), None)
    if server is None:
        return {}
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    buckets = [
        (float(bound), float(count))
        for bound, count in re.findall(r'zhengming_held_characters_bucket\{le="([^"]+)"\} (\S+)', text)
    ]
    total = re.search(r"zhengming_held_characters_sum (\S+)", text)
    if not buckets or not total or not buckets[-1][1]:
        return {}
    count = buckets[-1][1]
    return {
        "held_characters_mean": float(total[1]) / count,
        "held_characters_p99": next(bound for bound, below in buckets if below >= 0.99 * count),
    }


if __name__ == "__main__":
    sys.exit(main())
