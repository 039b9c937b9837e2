"""What every benchmark shares: where results go and what they carry besides numbers."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
LIBRARIES = ("ahocorasick-rs", "aiohttp", "cryptography", "orjson", "sqlalchemy", "uvicorn", "uvloop")


def write_result(name: str, ratios: Mapping[str, float], raw: Mapping[str, object]) -> Path:
    """Write `bench/results/<name>.json` with `ratios`, `raw` figures, versions, machine and commit; return its path.

    `ratios` are numbers without unit that may be compared across machines; `raw` says its units in its names.
    """
    result = {
        "name": name,
        "ratios": {key: round(value, 4) for key, value in ratios.items()},
        "raw": dict(raw),
        "versions": versions(),
        "machine": machine(),
        "commit": commit(),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries whose speed is being measured."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, object]:
    """Return what kind of machine measured: processor, usable cores, memory in MiB, system."""
    return {
        "processor": _from_proc("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int((_from_proc("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) // 1024,
        "system": f"{platform.system()} {platform.release()}",
    }


def commit() -> str:
    """Return the commit measured, with `+` when the tree differs from it, or `unknown` outside a checkout."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no", "--", "src") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(("git", *arguments), cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _from_proc(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
