"""The command line of services, keys and switches: `zhengming services|keys|switches ...`.

Every command opens the database itself, so it works with the server stopped or running; a running server hears of the
change within a second. Nothing heavy is imported before a command runs: the start of the program is held to 0.4 s.
"""

from __future__ import annotations

import getpass
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from zhengming.store import Store

keys_app = typer.Typer(help="API keys of a service.", no_args_is_help=True)
services_app = typer.Typer(help="Services and their profiles.", no_args_is_help=True)
switches_app = typer.Typer(help="Emergency switches.", no_args_is_help=True)

Data = Annotated[Path, typer.Option(envvar="ZHENGMING_DATA", help="Folder of the database and the keys.")]
Database = Annotated[str, typer.Option(envvar="ZHENGMING_DATABASE", help="Database URL; SQLite in --data by default.")]
Who = Annotated[str, typer.Option(help="Who does this, for the ledger; the system's user name by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Fields = Annotated[
    list[str] | None, typer.Argument(metavar="[FIELD=VALUE]...", help="For example audiences=teen,adult.")
]

_DATA = Path("data")


@keys_app.command("create")
def create_key(
    *,
    service: Annotated[str, typer.Option(help="Name of the service.")] = "default",
    scope: Annotated[list[str] | None, typer.Option(help="What the key may do: chat, report. Both by default.")] = None,
    note: Annotated[str, typer.Option(help="For whom or what the key is.")] = "",
    who: Who = "",
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Make a key and print it, and nothing else. It is shown this once."""
    from zhengming.accounts import keys  # noqa: PLC0415 - see the module
    from zhengming.accounts import service as services  # noqa: PLC0415 - see the module

    secret = keys.new_secret()
    with _store(data, database) as store:
        store.write_sync(
            lambda tx: keys.create(
                tx,
                services.by_name(tx, service).id,
                who=_named(who),
                now=_now(),
                secret=secret,
                scopes=scope or keys.SCOPES,
                note=note,
            )
        )
    typer.echo(secret)


@keys_app.command("list")
def list_keys(
    *,
    service: Annotated[str, typer.Option(help="Only keys of this service.")] = "",
    data: Data = _DATA,
    database: Database = "",
    as_json: Json = False,
) -> None:
    """List keys by their first characters, with their last use."""
    from zhengming.accounts import keys  # noqa: PLC0415 - see the module
    from zhengming.accounts import service as services  # noqa: PLC0415 - see the module
    from zhengming.accounts.moments import shown  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        names = {one.id: one.name for one in store.read_sync(services.list_all)}
        only = store.read_sync(lambda tx: services.by_name(tx, service).id) if service else None
        found = store.read_sync(lambda tx: keys.list_all(tx, only))
    if as_json:
        _print_json([one._asdict() for one in found])
        return
    rows = [
        (
            one.prefix + "…",
            one.id,
            names.get(one.service_id, one.service_id),
            " ".join(one.scopes),
            shown(one.created_at),
            shown(one.last_used_at),
            shown(one.revoked_at),
            one.note,
        )
        for one in found
    ]
    _print_table(("key", "id", "service", "scopes", "made", "last used", "revoked", "note"), rows)


@keys_app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Id of the key, or its shown beginning.")],
    *,
    why: Annotated[str, typer.Option(help="Reason, for the ledger.")],
    who: Who = "",
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Revoke a key for good."""
    from zhengming.accounts import keys  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        done = store.write_sync(lambda tx: keys.revoke(tx, keys.find(tx, key).id, who=_named(who), why=why, now=_now()))
    typer.echo(f"Revoked {done.prefix}… ({done.id}).")


@services_app.command("create")
def create_service(
    name: Annotated[str, typer.Argument(help="Name of the new service.")],
    fields: Fields = None,
    *,
    why: Annotated[str, typer.Option(help="Reason, for the ledger.")] = "new service",
    who: Who = "",
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Make a service; what is not named takes its default."""
    from zhengming.accounts import profiles, service  # noqa: PLC0415 - see the module
    from zhengming.accounts.assignments import assigned  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        profile = profiles.from_json(assigned({"name": name}, fields or ()))
        made = store.write_sync(lambda tx: service.create(tx, profile, who=_named(who), why=why, now=_now()))
    _print_json(made.to_json())


@services_app.command("set")
def change_service(
    name: Annotated[str, typer.Argument(help="Name of the service.")],
    fields: Fields = None,
    *,
    why: Annotated[str, typer.Option(help="Reason, for the ledger.")] = "",
    who: Who = "",
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Change fields of a service's profile."""
    from zhengming.accounts import profiles, service  # noqa: PLC0415 - see the module
    from zhengming.accounts.assignments import assigned  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        before = store.read_sync(lambda tx: service.by_name(tx, name))
        profile = profiles.from_json(assigned(before.to_json(), fields or ()))
        done = store.write_sync(lambda tx: service.update(tx, profile, who=_named(who), why=why, now=_now()))
    _print_json(done.to_json())


@services_app.command("list")
def list_services(
    *,
    data: Data = _DATA,
    database: Database = "",
    as_json: Json = False,
) -> None:
    """List the services."""
    from zhengming.accounts import service  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        found = store.read_sync(service.list_all)
    if as_json:
        _print_json([one.to_json() for one in found])
        return
    rows = [
        (
            one.name,
            one.id,
            " ".join(sorted(one.kinds)),
            " ".join(sorted(one.audiences)),
            one.label.placement,
            one.producer,
        )
        for one in found
    ]
    _print_table(("name", "id", "kinds", "audiences", "label", "producer"), rows)


@services_app.command("show")
def show_service(
    name: Annotated[str, typer.Argument(help="Name of the service.")],
    *,
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Print a service's profile as JSON."""
    from zhengming.accounts import service  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        _print_json(store.read_sync(lambda tx: service.by_name(tx, name)).to_json())


@switches_app.command("set")
def set_switch(
    kind: Annotated[str, typer.Argument(help="stop_generation, stop_registration, stop_publishing or freeze_changes.")],
    *,
    why: Annotated[str, typer.Option(help="Reason; people may be told.")],
    service: Annotated[str, typer.Option(help="Name of a service; every one by default.")] = "",
    function: Annotated[str, typer.Option(help="A function such as chat; every one by default.")] = "",
    persona: Annotated[str, typer.Option(help="A persona; every one by default.")] = "",
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 30m, 2h, 7d; until lifted by default.")] = "",
    until: Annotated[str, typer.Option(help="Until when, in ISO 8601.")] = "",
    who: Who = "",
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Set a switch; it is in force on every replica within a second. Prints its id."""
    from zhengming.accounts import service as services  # noqa: PLC0415 - see the module
    from zhengming.accounts import switches  # noqa: PLC0415 - see the module
    from zhengming.accounts.moments import parse_moment, parse_span  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        now = _now()
        expires_at = now + parse_span(lasting) if lasting else parse_moment(until) if until else None
        done = store.write_sync(
            lambda tx: switches.set_switch(
                tx,
                switches.read_kind(kind),
                who=_named(who),
                why=why,
                now=now,
                expires_at=expires_at,
                service_id=services.by_name(tx, service).id if service else switches.EVERY,
                function=function or switches.EVERY,
                persona=persona or switches.EVERY,
            )
        )
    typer.echo(done.id)


@switches_app.command("lift")
def lift_switch(
    switch: Annotated[str, typer.Argument(help="Id of the switch.")],
    *,
    why: Annotated[str, typer.Option(help="Reason, for the ledger.")],
    who: Who = "",
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Lift a switch before it expires."""
    from zhengming.accounts import switches  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        done = store.write_sync(lambda tx: switches.lift(tx, switch, who=_named(who), why=why, now=_now()))
    typer.echo(f"Lifted {done.kind} ({done.id}).")


@switches_app.command("list")
def list_switches(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those lifted and expired too.")] = False,
    data: Data = _DATA,
    database: Database = "",
    as_json: Json = False,
) -> None:
    """List the switches in force."""
    from zhengming.accounts import switches  # noqa: PLC0415 - see the module
    from zhengming.accounts.moments import shown  # noqa: PLC0415 - see the module

    with _store(data, database) as store:
        now = _now()
        found = [one for one in store.read_sync(switches.list_all) if every or one.stands(now)]
    if as_json:
        _print_json([one._asdict() for one in found])
        return
    rows = [
        (
            one.id,
            one.kind,
            f"{one.service_id} {one.function} {one.persona}",
            one.who,
            one.why,
            shown(one.set_at),
            shown(one.expires_at, "until lifted"),
            shown(one.lifted_at),
        )
        for one in found
    ]
    _print_table(("id", "kind", "service function persona", "who", "why", "set", "expires", "lifted"), rows)


@contextmanager
def _store(data: Path, database: str) -> Iterator[Store]:
    """Open the store; an error that a person may read ends the program with it on stderr and exit code 1."""
    from zhengming.accounts.opening import opened  # noqa: PLC0415 - see the module
    from zhengming.core.errors import ZhengmingError  # noqa: PLC0415 - see the module

    try:
        with opened(data, database) as store:
            yield store
    except ZhengmingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _named(who: str) -> str:
    return who or getpass.getuser()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; values separated by tabs, without heads, for the next program in a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415 - see the module
    from rich.table import Table  # noqa: PLC0415 - see the module

    table = Table(*heads, box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
