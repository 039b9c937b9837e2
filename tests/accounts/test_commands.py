"""The command line of services, keys and switches, on a data folder in use by another process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from zhengming.accounts import commands, service
from zhengming.accounts.directory import Directory
from zhengming.accounts.opening import DATABASE_FILE, database_url, opened
from zhengming.accounts.profiles import ServiceProfile
from zhengming.app import settings
from zhengming.core.words import SwitchKind
from zhengming.store import Store

NOW = 1_800_000_000_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder."""
    return tmp_path / "data"


@pytest.fixture
def server(data: Path) -> Iterator[Store]:
    """A server's open store with the default service."""
    with opened(data) as store:
        store.write_sync(lambda tx: service.ensure_default(tx, NOW))
        yield store


def call(app: typer.Typer, data: Path, *words: str, fails: bool = False) -> Result:
    """Run a command on the data folder."""
    result = CliRunner().invoke(app, [*words, "--data", str(data)])
    assert (result.exit_code != 0) == fails, result.output
    return result


def entry_count(store: Store) -> int:
    row = store.read_sync(lambda tx: tx.one("SELECT COUNT(*) FROM ledger_entry"))
    assert row is not None
    return int(row[0])


def test_the_command_line_opens_the_file_that_the_server_opens(tmp_path: Path) -> None:
    assert settings.DATABASE_FILE == DATABASE_FILE
    assert settings.Settings(data=tmp_path).database_url == database_url(tmp_path, "")
    assert database_url(tmp_path, "postgresql://x") == "postgresql://x"


async def test_a_key_made_beside_a_running_server_is_printed_alone_and_opens_its_service(
    server: Store, data: Path
) -> None:
    result = call(commands.keys_app, data, "create", "--service", "default")
    assert re.fullmatch(r"zm-[A-Za-z0-9_-]{43}\n", result.stdout)
    directory = Directory(server)
    await directory.refresh()
    grant = directory.authenticate(result.stdout.strip())
    assert grant is not None
    assert grant.service.name == "default"


def test_the_server_goes_on_writing_to_one_ledger_between_commands(server: Store, data: Path) -> None:
    for number in range(3):
        call(commands.keys_app, data, "create")
        server.write_sync(
            lambda tx, number=number: service.create(  # type: ignore[misc]  # a default keeps the loop's value
                tx, ServiceProfile(id="", name=f"s{number}"), who="a", why="b", now=NOW
            )
        )
    assert entry_count(server) == 7


@pytest.mark.usefixtures("server")
def test_keys_are_listed_by_their_beginning_and_revoked_by_it(data: Path) -> None:
    secret = call(
        commands.keys_app, data, "create", "--scope", "report", "--note", "CRM", "--who", "ann"
    ).stdout.strip()
    listed = call(commands.keys_app, data, "list").stdout
    assert listed.startswith(secret[:9] + "…\t")
    assert secret not in listed
    assert "\tdefault\treport\t" in listed
    done = call(commands.keys_app, data, "revoke", secret[:9], "--why", "leaked", "--who", "bob")
    assert secret[:9] in done.stdout
    [row] = json.loads(call(commands.keys_app, data, "list", "--json", "--service", "default").stdout)
    assert row["revoked_by"] == "bob"
    assert row["scopes"] == ["report"]
    again = call(commands.keys_app, data, "revoke", secret[:9], "--why", "x", fails=True)
    assert "revoked already" in again.stderr


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("app", "words", "said"),
    [
        (commands.keys_app, ("create", "--service", "nobody"), "no service 'nobody'"),
        (commands.keys_app, ("create", "--scope", "all"), "scopes"),
        (commands.keys_app, ("revoke", "zm-nothing", "--why", "x"), "no API key"),
        (commands.services_app, ("create", "Bad Name"), "`name`"),
        (commands.services_app, ("create", "a", "limits.key_request_per_minute=5"), "limits.key_request_per_minute"),
        (commands.services_app, ("create", "a", "audiences"), "no FIELD=VALUE"),
        (commands.services_app, ("set", "default", "producer=x"), "who makes it and why"),
        (commands.services_app, ("set", "default", 'id="forged"', "--why", "x"), "id of a service"),
        (commands.services_app, ("set", "nobody", "producer=x", "--why", "y"), "no service"),
        (commands.services_app, ("show", "nobody"), "no service"),
        (commands.switches_app, ("set", "stop_everything", "--why", "x"), "stop_generation"),
        (commands.switches_app, ("set", "stop_generation", "--why", "x", "--for", "soon"), "span of time"),
        (commands.switches_app, ("set", "stop_generation", "--why", "x", "--until", "2020-01-01"), "expire"),
        (commands.switches_app, ("lift", "nothing", "--why", "x"), "no switch"),
    ],
)
def test_an_error_names_the_thing_on_stderr_and_exits_with_1(
    data: Path, app: typer.Typer, words: tuple[str, ...], said: str
) -> None:
    result = call(app, data, *words, fails=True)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("server")
def test_a_service_is_made_changed_shown_and_listed(data: Path) -> None:
    call(commands.services_app, data, "create", "tutor", "audiences=teen, child", "kinds=companion", "--who", "ann")
    call(
        commands.services_app,
        data,
        "set",
        "tutor",
        "label.placement=start",
        "limits.person_requests_per_minute=20",
        "models.chat=qwen",
        'filings=[{"kind": "algorithm", "number": "42"}]',
        "--why",
        "filing 42",
    )
    shown = json.loads(call(commands.services_app, data, "show", "tutor").stdout)
    assert shown["audiences"] == ["child", "teen"]
    assert shown["kinds"] == ["companion"]
    assert shown["label"] == {"placement": "start", "language": "auto", "wording": ""}
    assert shown["limits"]["person_requests_per_minute"] == 20
    assert shown["models"] == {"chat": "qwen"}
    assert shown["filings"] == [{"kind": "algorithm", "number": "42", "note": ""}]
    listed = json.loads(call(commands.services_app, data, "list", "--json").stdout)
    assert [one["name"] for one in listed] == ["default", "tutor"]
    assert call(commands.services_app, data, "list").stdout.splitlines()[1].startswith("tutor\t")


async def test_a_switch_set_on_the_command_line_is_in_force_and_can_be_lifted(server: Store, data: Path) -> None:
    directory = Directory(server)
    await directory.refresh()
    default = directory.snapshot.named("default")
    assert default is not None
    words = ("stop_generation", "--why", "incident", "--service", "default", "--function", "chat", "--for", "2h")
    switch_id = call(commands.switches_app, data, "set", *words).stdout.strip()
    await directory.refresh()
    [switch] = directory.snapshot.switches[SwitchKind.STOP_GENERATION]
    assert (switch.id, switch.service_id, switch.function, switch.persona) == (switch_id, default.id, "chat", "*")
    assert switch.expires_at == switch.set_at + 2 * 3_600_000
    assert switch_id in call(commands.switches_app, data, "list").stdout
    call(commands.switches_app, data, "lift", switch_id, "--why", "over")
    await directory.refresh()
    assert directory.snapshot.switches == {}
    assert call(commands.switches_app, data, "list").stdout == ""
    [every] = json.loads(call(commands.switches_app, data, "list", "--all", "--json").stdout)
    assert every["lifted_why"] == "over"


@pytest.mark.usefixtures("server")
def test_a_freeze_stops_changes_on_the_command_line_until_it_is_lifted(data: Path) -> None:
    frozen = call(commands.switches_app, data, "set", "freeze_changes", "--why", "audit", "--until", "2999-01-01")
    refused = call(commands.keys_app, data, "create", fails=True)
    assert "audit" in refused.stderr
    call(commands.switches_app, data, "lift", frozen.stdout.strip(), "--why", "done")
    call(commands.keys_app, data, "create")


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    code = (
        "import sys, zhengming.accounts.commands\n"
        "heavy = {'sqlalchemy', 'psycopg', 'redis', 'alembic', 'cryptography', 'structlog', 'asyncio', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    assert found.stdout == "[]\n"
