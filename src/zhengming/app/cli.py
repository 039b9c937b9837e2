"""The command line. Each command imports what it needs when it runs: `zhengming --help` answers in 0.4 s."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from zhengming import __version__
from zhengming.app.files import inspect, label
from zhengming.core.errors import ZhengmingError


class Group(NamedTuple):
    """A group of commands, and where it is found when it is wanted."""

    module: str
    name: str
    help: str


GROUPS: Final = {
    "keys": Group("zhengming.accounts.commands", "keys_app", "API keys of a service."),
    "services": Group("zhengming.accounts.commands", "services_app", "Services and their profiles."),
    "switches": Group("zhengming.accounts.commands", "switches_app", "Emergency switches."),
    "people": Group("zhengming.accounts.people_commands", "people_app", "End users: erase what is kept of one."),
    "staff": Group("zhengming.accounts.staff_commands", "staff_app", "Staff accounts of the console."),
    "ledger": Group("zhengming.ledger.commands", "ledger_app", "Verify and prove what was recorded."),
    "demo": Group("zhengming.demo.commands", "demo_app", "Believable traffic for trying the product out."),
}


def build(wanted: Collection[str]) -> typer.Typer:
    """Return the command line with the groups named in `wanted` loaded; of the others only name and help are there."""
    app = typer.Typer(
        name="zhengming",
        help="The safety, labelling and evidence layer for AI services.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,  # boxes around the help cost twice the time of all the rest
    )
    app.command()(serve)
    app.command()(label)
    app.command()(inspect)
    app.command()(version)
    for name, group in GROUPS.items():
        found = getattr(import_module(group.module), group.name) if name in wanted else _unloaded()
        app.add_typer(found, name=name, help=group.help)
    return app


def _unloaded() -> typer.Typer:
    """A group that is only listed; nothing of it is ever run."""
    group = typer.Typer()
    group.callback()(lambda: None)
    return group


def serve(  # noqa: PLR0917 - the command line passes options by name
    data: Annotated[Path | None, typer.Option(help="Folder for database, keys and rules; made when missing.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    upstream: Annotated[
        list[str] | None, typer.Option(help="An upstream as NAME=URL; may be given again. None: the rehearsal model.")
    ] = None,
    database: Annotated[str | None, typer.Option(help="Database URL; without it, SQLite in the data folder.")] = None,
    redis: Annotated[str | None, typer.Option(help="Redis URL for limits that replicas share.")] = None,
    rules: Annotated[
        list[str] | None, typer.Option(help="A rule file (YAML or CSV) beside the starter library; may be given again.")
    ] = None,
    print_key: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--print-key", help="Make an API key for trying it out and print a curl line.")
    ] = False,
) -> None:
    """Serve the gateway until interrupted."""
    from zhengming.app.serve import run  # noqa: PLC0415 - half a second that other commands need not pay
    from zhengming.app.settings import load  # noqa: PLC0415 - see above

    settings = load(
        os.environ,
        data=data,
        host=host,
        port=port,
        upstream=tuple(upstream or ()),
        database=database,
        redis=redis,
        rules=tuple(rules or ()),
    )
    raise typer.Exit(run(settings, print_key=print_key))


def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line; an error that people may read is printed as it stands, and the exit status is 1."""
    first = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    try:
        build((first,))()
    except ZhengmingError as error:
        typer.echo(f"zhengming: {error}", err=True)
        sys.exit(1)
