"""`zhengming people ...`: what an operator does for an end user who asks."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

people_app = typer.Typer(help="End users: erase what is kept of one.", no_args_is_help=True)


@people_app.callback()
def _people() -> None:
    """End users: erase what is kept of one."""


@people_app.command("erase")
def erase(
    *,
    user: Annotated[str, typer.Option(help="The end user, as the application names them in requests.")],
    why: Annotated[str, typer.Option(help="Why, for the ledger, such as the number of the request.")],
    service: Annotated[str, typer.Option(help="Name of the service.")] = "default",
    who: Annotated[str, typer.Option(help="Who does this; the system's user name by default.")] = "",
    data: Annotated[Path, typer.Option(envvar="ZHENGMING_DATA", help="Folder of the database and the keys.")] = Path(
        "data"
    ),
    database: Annotated[
        str, typer.Option(envvar="ZHENGMING_DATABASE", help="Database URL; SQLite in --data by default.")
    ] = "",
) -> None:
    """Destroy the key of an end user: their texts, and the salts of what was shown to them, can never be read again.

    The ledger keeps its hashes and still verifies. A running server forgets the key at its next write.
    """
    from zhengming.accounts import people  # noqa: PLC0415 - the database library is loaded when a command runs
    from zhengming.accounts import service as services  # noqa: PLC0415 - see above
    from zhengming.accounts.identity import load_identity  # noqa: PLC0415 - see above
    from zhengming.accounts.opening import opened  # noqa: PLC0415 - see above
    from zhengming.ledger.master import load_master  # noqa: PLC0415 - see above
    from zhengming.ledger.vault import Vault  # noqa: PLC0415 - see above
    from zhengming.store import Tx  # noqa: PLC0415 - see above

    pseudonyms, vault = load_identity(data).pseudonyms, Vault(load_master(data))

    def unit(tx: Tx) -> int:
        person = pseudonyms.of_user(services.by_name(tx, service).id, user)
        destroyed = vault.erase(tx, person, by=who or getpass.getuser(), why=why)
        people.forget(tx, person)
        return destroyed

    with opened(data, database) as store:
        destroyed = store.write_sync(unit)
        store.scrub()
    typer.echo(f"Destroyed {destroyed} key(s)." if destroyed else "There was no key of this end user to destroy.")
