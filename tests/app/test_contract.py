"""The contract for scripts: `zhengming serve`, `keys create`, `ledger verify`, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from openai import AuthenticationError, OpenAI

ZHENGMING = Path(sys.executable).with_name("zhengming")


def run(*arguments: str, expect: int = 0) -> str:
    done = subprocess.run([str(ZHENGMING), *arguments], capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - our own command

    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stdout + done.stderr


@contextmanager
def server(data: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`zhengming serve` on a free port; yields its base URL."""
    command = [str(ZHENGMING), "serve", "--data", str(data), "--host", "127.0.0.1", "--port", "0", *more]
    environ = {**os.environ, "ZHENGMING_POLL_SECONDS": "0.1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:  # noqa: S603 - our own command
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/v1", first)
            assert found, first + (process.stderr.read() if process.stderr else "")
            yield found[0], process
        finally:
            process.terminate()
            process.communicate(timeout=60)


def ask(url: str, key: str, text: str = "Tell me in one paragraph how to brew tea") -> str:
    with OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        answer = client.chat.completions.create(
            model=next(iter(client.models.list())).id, messages=[{"role": "user", "content": text}]
        )
    return str(answer.choices[0].message.content)


def ask_until_known(url: str, key: str) -> str:
    """Ask again while the server has not heard of a key yet, which takes it a second at most."""
    for _ in range(200):
        with suppress(AuthenticationError):
            return ask(url, key)
    raise AssertionError("the key never came into force")


def test_a_key_made_while_the_server_runs_works_and_the_ledger_verifies(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        key = run("keys", "create", "--data", str(tmp_path), "--service", "default")

        assert key.strip() == key.rstrip("\n")
        assert key.count("\n") == 1
        said = ask_until_known(url, key.strip())
        assert "AI" in said.splitlines()[-1]
        run("ledger", "verify", "--data", str(tmp_path))

    files = [path for path in tmp_path.rglob("*.sqlite3") if _has_entries(path)]
    assert len(files) == 1


def _has_entries(path: Path) -> bool:
    with sqlite3.connect(path) as database:
        return bool(database.execute("SELECT seq, payload FROM ledger_entry").fetchall())


def test_a_flipped_byte_is_found_and_named(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        ask_until_known(url, run("keys", "create", "--data", str(tmp_path)).strip())
    with sqlite3.connect(tmp_path / "zhengming.sqlite3") as database:
        seq, payload = database.execute("SELECT seq, payload FROM ledger_entry ORDER BY seq DESC").fetchone()
        changed = bytes(payload)[:-5] + bytes([payload[-5] ^ 1]) + bytes(payload)[-4:]
        database.execute("UPDATE ledger_entry SET payload = ? WHERE seq = ?", (changed, seq))
    database.close()

    assert str(seq) in run("ledger", "verify", "--data", str(tmp_path), expect=1)


def test_a_kill_in_mid_stream_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    with server(tmp_path) as (url, process):
        key = run("keys", "create", "--data", str(tmp_path)).strip()
        client = OpenAI(base_url=url, api_key=key, max_retries=0)
        ask_until_known(url, key)
        model = next(iter(client.models.list())).id
        stream = client.chat.completions.create(
            model=model, stream=True, messages=[{"role": "user", "content": "Write a long essay about trees in a city"}]
        )
        first = next(iter(stream))
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        client.close()
    turn = (first.model_extra or {})["aigc"]["ProduceID"]
    run("ledger", "verify", "--data", str(tmp_path))
    with server(tmp_path) as (url, _):
        ask(url, key)

    with sqlite3.connect(tmp_path / "zhengming.sqlite3") as database:
        state = database.execute("SELECT state FROM turn WHERE id = ?", (turn,)).fetchone()
        entries = [json.loads(row[0]) for row in database.execute("SELECT payload FROM ledger_entry ORDER BY seq")]
    database.close()
    assert state in {("interrupted",), ("closed",)}
    assert next(entry["type"] for entry in entries if entry.get("turn") == turn) == "turn.opened"
    run("ledger", "verify", "--data", str(tmp_path))


def test_a_taken_port_and_a_taken_folder_are_named(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        port = url.split(":")[2].split("/")[0]

        assert port in run("serve", "--data", str(tmp_path / "other"), "--port", port, expect=1)
        assert str(tmp_path) in run("serve", "--data", str(tmp_path), "--port", "0", expect=1)


def test_print_key_prints_a_curl_line_that_works(tmp_path: Path) -> None:
    command = [str(ZHENGMING), "serve", "--data", str(tmp_path), "--port", "0", "--print-key"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - our own command
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(7)]
            assert "/welcome?token=" in lines[1]
            curl = "".join(lines[4:])
            done = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603, S607 - the printed line
        finally:
            process.terminate()
            process.communicate(timeout=60)

    assert '"aigc"' in done.stdout
    assert done.stdout.rstrip().endswith("data: [DONE]")


@pytest.mark.parametrize("command", ["serve", "keys create", "ledger verify", "switches set", "services list"])
def test_every_command_explains_itself(command: str) -> None:
    assert "--help" in run(*command.split(), "--help")


def test_the_command_line_starts_without_the_server_and_the_database_library() -> None:
    heavy = ("sqlalchemy", "aiohttp", "uvicorn", "numpy", "redis", "alembic", "yaml")
    code = f"import sys, zhengming.app.cli; print([name for name in {heavy} if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"  # noqa: S603 - our own code


def test_the_gateway_starts_without_what_only_the_console_needs() -> None:
    heavy = ("jinja2", "babel", "starlette", "fastapi", "argon2", "segno", "pyotp", "zhengming.console")
    code = f"import sys, zhengming.app.serve; print([name for name in {heavy} if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"  # noqa: S603 - our own code


def test_the_console_is_loaded_by_the_first_page_and_opens_within_a_second(tmp_path: Path) -> None:
    with server(tmp_path) as (url, process):
        root = url.removesuffix("/v1")
        httpx2.get(f"{root}/readyz").raise_for_status()
        before, unopened = _cpu_seconds(process.pid), _resident_mib(process.pid)
        httpx2.get(f"{root}/sign-in", follow_redirects=True, timeout=20).raise_for_status()

        assert _cpu_seconds(process.pid) - before < 1.0
        assert _resident_mib(process.pid) > unopened + 3


def test_the_gateway_is_ready_and_the_command_line_answers_within_their_budgets(tmp_path: Path) -> None:
    """CLI 0.4 s, gateway 3 s: counted as CPU of the process, which a busy machine does not lengthen much."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with server(tmp_path) as (_, process):
        seconds = _cpu_seconds(process.pid)

    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4
    assert seconds < 4.0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
