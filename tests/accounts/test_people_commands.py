"""Erasing an end user on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.gateway.conftest import serve  # noqa: F401 - the fixture
from typer.testing import CliRunner

from zhengming.accounts.people_commands import people_app
from zhengming.gateway.context import Gateway
from zhengming.ledger.commands import verify_data
from zhengming.ledger.errors import PersonErasedError


def test_erased_texts_cannot_be_read_and_the_ledger_still_verifies(serve: Any, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    data = tmp_path / "data"
    served = serve(data=data)
    served.client().chat.completions.create(
        model="zhengming-rehearsal", messages=[{"role": "user", "content": "请用一段话介绍怎样泡茶"}], user="anna"
    )
    turn_id, person, sealed = served.rows("SELECT id, person_id, output_sealed FROM turn")[0]

    async def read() -> bytes:
        gateway: Gateway = served.gateway
        return await gateway.store.read(lambda tx: gateway.vault.open(tx, person, bytes(sealed), turn_id))

    assert "AI生成" in served.run(read()).decode("utf-8", "replace")
    done = CliRunner().invoke(people_app, ["erase", "--user", "anna", "--why", "request 7", "--data", str(data)])

    assert done.exit_code == 0, done.output
    assert "Destroyed 1" in done.output
    with pytest.raises(PersonErasedError):
        served.run(read())
    assert served.rows("SELECT id FROM person WHERE id = :id", id=person) == []
    assert verify_data(data).ok


def test_nobody_is_erased_twice(tmp_path: Path, serve: Any) -> None:  # noqa: F811 - the fixture
    serve(data=tmp_path / "data")
    words = ["erase", "--user", "nobody", "--why", "request 8", "--data", str(tmp_path / "data")]

    assert "no key" in CliRunner().invoke(people_app, words).output
