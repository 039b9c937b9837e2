"""`zhengming staff ...`: accounts of the console, for whoever holds the data folder.

It works with the server stopped or running; a running server hears of it at the next request. Nothing heavy is imported
before a command runs: the start of the program is held to 0.4 s.
"""

from __future__ import annotations

import getpass
import json
import time
from pathlib import Path
from typing import Annotated

import typer

staff_app = typer.Typer(help="Staff accounts of the console.", no_args_is_help=True)

Data = Annotated[Path, typer.Option(envvar="ZHENGMING_DATA", help="Folder of the database and the keys.")]
Database = Annotated[str, typer.Option(envvar="ZHENGMING_DATABASE", help="Database URL; SQLite in --data by default.")]
Who = Annotated[str, typer.Option(help="Who does this, for the ledger; the system's user name by default.")]
Why = Annotated[str, typer.Option(help="Reason, for the ledger.")]
Address = Annotated[
    str, typer.Option(envvar="ZHENGMING_CONSOLE_ADDRESS", help="Where people reach the console, for the link.")
]
Name = Annotated[str, typer.Argument(help="Name of the account.")]

_DATA = Path("data")
_ADDRESS = "http://127.0.0.1:8600"


@staff_app.command("list")
def list_staff(
    *,
    data: Data = _DATA,
    database: Database = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines with tabs.")] = False,
) -> None:
    """List accounts: name, roles, state, second factor, last sign-in, id."""
    from zhengming.accounts import sign_ins, staff  # noqa: PLC0415 - see the module
    from zhengming.accounts.moments import shown  # noqa: PLC0415 - see the module
    from zhengming.accounts.opening import opened  # noqa: PLC0415 - see the module

    with opened(data, database) as store:
        found, seen = store.read_sync(staff.list_all), store.read_sync(sign_ins.last_of_all)
    if as_json:
        rows = [{**one._asdict(), "roles": sorted(one.roles), "signed_in_at": seen.get(one.id)} for one in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for one in found:
        state = "enabled" if one.disabled_at is None else "disabled"
        factor = "second factor" if one.second_factor else "password only"
        words = (one.name, " ".join(sorted(one.roles)), state, factor, shown(seen.get(one.id), "never"), one.id)
        typer.echo("\t".join(words))


@staff_app.command("invite")
def invite(
    *,
    role: Annotated[list[str], typer.Option(help="A role; may be given again.")],
    who: Who = "",
    address: Address = _ADDRESS,
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Print a link with which somebody makes an account in these roles, once, within 24 hours."""
    from zhengming.accounts import links  # noqa: PLC0415 - see the module
    from zhengming.accounts.opening import opened  # noqa: PLC0415 - see the module
    from zhengming.core.errors import InvalidInputError  # noqa: PLC0415 - see the module
    from zhengming.core.words import Role  # noqa: PLC0415 - see the module

    try:
        roles = [Role(one) for one in role]
    except ValueError as error:
        raise InvalidInputError(f"{error}.", next_step=f"Choose from {', '.join(Role)}.") from error
    secret, now = links.new_secret(), _now()
    with opened(data, database) as store:
        store.write_sync(lambda tx: links.invite(tx, roles, secret=secret, who=_named(who), now=now))
    typer.echo(address.rstrip("/") + links.path_of(links.INVITATION, secret))


@staff_app.command("link")
def link(
    name: Name,
    *,
    why: Why,
    drop_second_factor: Annotated[
        bool, typer.Option("--drop-second-factor", help="Also remove the second factor, when phone and codes are lost.")
    ] = False,
    who: Who = "",
    address: Address = _ADDRESS,
    data: Data = _DATA,
    database: Database = "",
) -> None:
    """Print a link with which the person chooses a new password, once, within 24 hours."""
    from zhengming.accounts import links, second_factor, staff  # noqa: PLC0415 - see the module
    from zhengming.accounts.opening import opened  # noqa: PLC0415 - see the module
    from zhengming.store import Tx  # noqa: PLC0415 - see the module

    secret, now, by = links.new_secret(), _now(), _named(who)

    def unit(tx: Tx) -> None:
        member = staff.by_name(tx, name)
        links.new_password(tx, member.id, secret=secret, who=by, why=why, now=now)
        if drop_second_factor:
            second_factor.remove(tx, member.id, who=by, why=why, now=now)
            staff.end_sessions(tx, member.id, who=by, why=why, now=now)

    with opened(data, database) as store:
        store.write_sync(unit)
    typer.echo(address.rstrip("/") + links.path_of(links.NEW_PASSWORD, secret))


@staff_app.command("disable")
def disable(name: Name, *, why: Why, who: Who = "", data: Data = _DATA, database: Database = "") -> None:
    """Disable an account: its sessions end, its tokens and links stop working. The last owner stays."""
    from zhengming.accounts import staff  # noqa: PLC0415 - see the module
    from zhengming.accounts.opening import opened  # noqa: PLC0415 - see the module

    now = _now()
    with opened(data, database) as store:
        store.write_sync(lambda tx: staff.disable(tx, staff.by_name(tx, name).id, who=_named(who), why=why, now=now))
    typer.echo(f"Disabled {name}.")


@staff_app.command("enable")
def enable(name: Name, *, why: Why, who: Who = "", data: Data = _DATA, database: Database = "") -> None:
    """Enable an account again, with the password it had."""
    from zhengming.accounts import staff  # noqa: PLC0415 - see the module
    from zhengming.accounts.opening import opened  # noqa: PLC0415 - see the module

    now = _now()
    with opened(data, database) as store:
        store.write_sync(lambda tx: staff.enable(tx, staff.by_name(tx, name).id, who=_named(who), why=why, now=now))
    typer.echo(f"Enabled {name}.")


def _named(who: str) -> str:
    return who or getpass.getuser()


def _now() -> int:
    return time.time_ns() // 1_000_000
