"""Servers as child processes, with what they cost: CPU seconds and memory of the whole process tree."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # it ships no types
from bench.common import ROOT

_ANSWERS: Final = (urllib.error.URLError, ConnectionError, TimeoutError)


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A server under measurement. `cores` are the processor numbers that it may use, all when empty."""

    name: str
    command: Sequence[str]
    port: int
    ready_path: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    cores: Sequence[int] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address with `/v1`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self, patience: float = 120.0) -> None:
        """Start and wait until it answers `ready_path`. Raises RuntimeError with the end of its log otherwise."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        if self.cores:
            os.sched_setaffinity(self._process.pid, self.cores)
        until = time.monotonic() + patience
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"{self.name} did not start; the end of {self.log}:\n{tail}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Ask it to end, then end it; its children with it."""
        process = self._process
        if process is None:
            return
        self._process = None
        for ending in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, ending)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    continue

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process tree since its start, in user and system mode."""
        return float(sum(sum(one.cpu_times()[:2]) for one in self._tree()))

    def resident_mib(self) -> float:
        """Return the resident memory of the process tree."""
        return float(sum(one.memory_info().rss for one in self._tree())) / 2**20

    def _tree(self) -> list[psutil.Process]:
        assert self._process is not None
        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]

    def _answers(self) -> bool:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.ready_path}", headers=dict(self.headers))
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - see above
                return bool(answer.status < 400)
        except urllib.error.HTTPError:
            return False
        except _ANSWERS:
            return False
