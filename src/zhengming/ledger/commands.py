"""`zhengming ledger ...`: verify, prove and check the evidence, read-only, beside a running server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from zhengming.core.errors import InvalidInputError, ZhengmingError
from zhengming.ledger.errors import LedgerBrokenError
from zhengming.ledger.findings import Report
from zhengming.ledger.head import Head, is_genuine, load_public, read_public
from zhengming.ledger.proof import ProofError, verify_proof
from zhengming.ledger.prove import prove, prove_consistency, read_head
from zhengming.ledger.verify import verify
from zhengming.store import Tx
from zhengming.store.errors import is_driver_error
from zhengming.store.readers import Reader

T = TypeVar("T")
DATABASE_FILE: Final = "zhengming.sqlite3"

ledger_app: Final = typer.Typer(help="Verify and prove what was recorded.", no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", help="The data folder of the server.")]
Database = Annotated[str, typer.Option("--database", help="Database URL; the SQLite file in the data folder if empty.")]
Key = Annotated[list[Path] | None, typer.Option("--key", help="A further trusted public key (ledger.pub); repeatable.")]


def open_ledger(data: Path, database: str = "") -> Reader:
    """Return the database of a data folder, read-only; raises InvalidInputError when there is none."""
    if database:
        return Reader.open(database)
    path = data / DATABASE_FILE
    if not path.is_file():
        raise InvalidInputError(
            f"There is no ledger at {path}.", next_step="Name the server's folder with --data, or its --database."
        )
    return Reader.open(f"sqlite:///{path.absolute()}")


def trusted_keys(data: Path, further: list[Path] | None) -> tuple[bytes, ...]:
    """Return the public keys that may have signed: those named, and the folder's own unless only others are named."""
    named = tuple(read_public(path) for path in further or ())
    try:
        return (load_public(data), *named)
    except ZhengmingError:
        if named:
            return named
        raise


def verify_data(data: Path, database: str = "", *, keys: list[Path] | None = None, noted: Head | None = None) -> Report:
    """Verify the ledger of a data folder or database; the function behind `zhengming ledger verify`."""
    with open_ledger(data, database) as reader:
        return verify(reader, trusted_keys(data, keys), noted=noted)


@ledger_app.command("verify")
def verify_command(
    data: Data = Path("data"),
    database: Database = "",
    key: Key = None,
    head: Annotated[Path | None, typer.Option("--head", help="A head noted earlier with `ledger head`.")] = None,
) -> None:
    """Check every entry, node and the head; exit 0, or name what is wrong and exit 1."""
    report = _guarded(lambda: verify_data(data, database, keys=key, noted=None if head is None else _noted(head)))
    for finding in report.findings:
        typer.echo(str(finding))
    if report.total > len(report.findings):
        typer.echo(f"... and {report.total - len(report.findings)} more")
    if not report.ok:
        typer.echo(f"The ledger does NOT verify: {report.total} findings in {report.size} entries.")
        raise typer.Exit(1)
    typer.echo(f"The ledger verifies: {report.size} entries, root {report.root}.")


@ledger_app.command("prove")
def prove_command(
    entry: Annotated[str, typer.Argument(help="The id of an entry, or its seq.")],
    data: Data = Path("data"),
    database: Database = "",
) -> None:
    """Print the inclusion proof of an entry as JSON; `ledger check` verifies it without the database."""
    wanted: str | int = int(entry) if entry.isdecimal() else entry
    _print(_read(data, database, lambda tx: prove(tx, wanted)))


@ledger_app.command("consistency")
def consistency_command(
    size: Annotated[int, typer.Argument(help="The size that was noted earlier.")],
    data: Data = Path("data"),
    database: Database = "",
) -> None:
    """Print the proof that the ledger continues the one of SIZE entries as JSON."""
    _print(_read(data, database, lambda tx: prove_consistency(tx, size)))


@ledger_app.command("head")
def head_command(data: Data = Path("data"), database: Database = "") -> None:
    """Print the signed head as JSON: note it elsewhere, `ledger verify --head FILE` compares with it later."""
    _print(_read(data, database, lambda tx: read_head(tx)[0].as_json()))


@ledger_app.command("check")
def check_command(
    proof: Annotated[Path, typer.Argument(help="A file written by `ledger prove`; - for standard input.")],
    data: Data = Path("data"),
    key: Key = None,
) -> None:
    """Check an inclusion proof and the signature of its head, without the database; exit 0 or 1."""

    def check() -> dict[str, Any]:
        found = _json(proof)
        entry = verify_proof(found)
        if not is_genuine(Head.from_json(found["head"]), trusted_keys(data, key)):
            raise LedgerBrokenError("No trusted key signed the head of this proof.", next_step="Name the right --key.")
        return entry

    _print(_guarded(check))


def _read(data: Path, database: str, query: Callable[[Tx], T]) -> T:
    def run() -> T:
        with open_ledger(data, database) as reader:
            return reader.read_sync(query)

    return _guarded(run)


def _guarded(work: Callable[[], T]) -> T:
    """Do the work; print an error that a person can act on, instead of a traceback, and exit 1."""
    try:
        return work()
    except Exception as error:
        if isinstance(error, ZhengmingError | ProofError):
            typer.echo(str(error), err=True)
        elif is_driver_error(error):
            typer.echo(f"The ledger cannot be read: {error}. Name a database that the server has opened.", err=True)
        else:
            raise
        raise typer.Exit(1) from error


def _json(path: Path) -> Any:
    try:
        return json.loads(sys.stdin.read() if str(path) == "-" else path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path} cannot be read as JSON: {error}.") from error


def _noted(path: Path) -> Head:
    try:
        return Head.from_json(_json(path))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{path} holds no head.", next_step="Write it with `zhengming ledger head`.") from error


def _print(found: dict[str, Any]) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
