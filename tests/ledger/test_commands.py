"""The commands behind `zhengming ledger`, on a data folder as a server leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zhengming.ledger import Ledger, load_signer
from zhengming.ledger.commands import ledger_app
from zhengming.store import Store

Fill = Callable[[Store, int], list[str]]
RUNNER = CliRunner()


class Served:
    """A data folder whose server is still running, and the ids of its entries."""

    def __init__(self, folder: Path, store: Store, names: list[str]) -> None:
        self.folder = folder
        self.store = store
        self.names = names

    def run(self, *arguments: str, given: str | None = None) -> tuple[int, str]:
        """Run a command with --data and return exit code and output."""
        found = RUNNER.invoke(ledger_app, [*arguments, "--data", str(self.folder)], input=given)
        return found.exit_code, found.output


@pytest.fixture
def served(sqlite_url: str, fill: Fill) -> Iterator[Served]:
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    with Store.open(sqlite_url) as store:
        Ledger.attach(store, load_signer(folder))
        yield Served(folder, store, fill(store, 40))


def test_verify_exits_0_while_the_server_runs(served: Served) -> None:
    code, output = served.run("verify")
    assert (code, output.startswith("The ledger verifies: 40 entries, root ")) == (0, True)


def test_verify_names_what_is_wrong_and_exits_1(served: Served) -> None:
    served.store.write_sync(lambda tx: tx.run("DELETE FROM ledger_entry WHERE seq = 7"))
    code, output = served.run("verify")
    assert code == 1
    assert "removed: entry 7: the row is missing" in output
    assert "does NOT verify" in output


def test_a_proof_is_checked_without_the_database(served: Served, tmp_path: Path) -> None:
    code, output = served.run("prove", served.names[7])
    assert code == 0
    proof = tmp_path / "proof.json"
    proof.write_text(output)
    auditor = tmp_path / "auditor"
    auditor.mkdir()
    public = served.folder / "ledger.pub"
    found = RUNNER.invoke(ledger_app, ["check", str(proof), "--data", str(auditor), "--key", str(public)])
    assert (found.exit_code, json.loads(found.output)["id"]) == (0, served.names[7])
    assert served.run("check", "-", given=output)[0] == 0
    wrong = {**json.loads(output), "seq": 8}
    code, message = served.run("check", "-", given=json.dumps(wrong))
    assert (code, "does not lead to the root" in message) == (1, True)
    forged = json.loads(output)
    forged["head"]["signature"] = "00" * 64
    assert "No trusted key signed" in served.run("check", "-", given=json.dumps(forged))[1]


def test_an_entry_is_proved_by_seq_too(served: Served) -> None:
    assert json.loads(served.run("prove", "7")[1])["id"] == served.names[7]
    code, output = served.run("prove", "40")
    assert (code, "no entry 40" in output) == (1, True)


def test_a_noted_head_is_compared_later(served: Served, fill: Fill, tmp_path: Path) -> None:
    noted = tmp_path / "head.json"
    noted.write_text(served.run("head")[1])
    fill(served.store, 30)
    assert served.run("verify", "--head", str(noted))[0] == 0
    assert json.loads(served.run("consistency", "40")[1])["old_root"] == json.loads(noted.read_text())["root"]
    noted.write_text("{}")
    assert "holds no head" in served.run("verify", "--head", str(noted))[1]


def test_a_database_url_is_taken_instead_of_the_file(served: Served, store_url: str, fill: Fill) -> None:
    with Store.open(store_url) as store:
        Ledger.attach(store, load_signer(served.folder))
        fill(store, 5)
        code, output = served.run("verify", "--database", store_url)
    assert code == 0
    assert " entries, root" in output


@pytest.mark.parametrize("command", [["verify"], ["head"], ["prove", "x"]])
def test_a_folder_without_a_ledger_is_named(tmp_path: Path, command: list[str]) -> None:
    found = RUNNER.invoke(ledger_app, [*command, "--data", str(tmp_path)])
    assert (found.exit_code, "There is no ledger at" in found.output) == (1, True)


def test_a_file_that_is_no_database_is_an_error_not_a_traceback(served: Served, tmp_path: Path) -> None:
    (tmp_path / "zhengming.sqlite3").write_bytes(b"no database at all" * 100)
    found = RUNNER.invoke(ledger_app, ["verify", "--data", str(tmp_path), "--key", str(served.folder / "ledger.pub")])
    assert (found.exit_code, "not a database" in found.output) == (1, True)
    (tmp_path / "zhengming.sqlite3").write_bytes(b"")
    found = RUNNER.invoke(ledger_app, ["head", "--data", str(tmp_path)])
    assert (found.exit_code, "no such table" in found.output) == (1, True)


def test_reading_leaves_the_folder_as_it_is(served: Served) -> None:
    before = sorted(path.name for path in served.folder.iterdir())
    served.run("verify")
    assert sorted(path.name for path in served.folder.iterdir()) == before
