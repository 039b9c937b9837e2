"""The command line. Each command imports what it needs when it runs: `zhengming --help` answers in 0.4 s."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zhengming import __version__
from zhengming.accounts.commands import keys_app, services_app, switches_app
from zhengming.core.errors import ZhengmingError
from zhengming.ledger.commands import ledger_app

app = typer.Typer(
    name="zhengming",
    help="The safety, labelling and evidence layer for AI services.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(keys_app, name="keys")
app.add_typer(services_app, name="services")
app.add_typer(switches_app, name="switches")
app.add_typer(ledger_app, name="ledger")


@app.command()
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


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line; an error that people may read is printed as it stands, and the exit status is 1."""
    try:
        app()
    except ZhengmingError as error:
        typer.echo(f"zhengming: {error}", err=True)
        sys.exit(1)
