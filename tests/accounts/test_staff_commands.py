"""`zhengming staff` on a data folder in use by another process."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zhengming.accounts import links, staff
from zhengming.accounts.opening import opened
from zhengming.accounts.staff_commands import staff_app
from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Role

NOW = 1_800_000_000_000


def call(data: Path, *words: str) -> str:
    result = CliRunner().invoke(staff_app, [*words, "--data", str(data)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_accounts_are_invited_listed_disabled_and_given_new_passwords(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for name in ("ann", "bob"):
            store.write_sync(
                partial(staff.create, name=name, password="unusable", roles=[Role.OWNER], who="a test", now=NOW)
            )
        token = call(tmp_path, "invite", "--role", "auditor", "--address", "https://c.example/").strip()
        assert token.startswith("https://c.example/invitation?token=")
        found = store.read_sync(lambda tx: links.open_invitations(tx, 0))
        assert [one.roles for one in found] == [{Role.AUDITOR}]
        reset = call(tmp_path, "link", "bob", "--why", "forgot it", "--drop-second-factor").strip()
        assert "/new-password?token=" in reset
        call(tmp_path, "disable", "bob", "--why", "left")
        rows = json.loads(call(tmp_path, "list", "--json"))
        assert [(row["name"], row["disabled_at"] is None) for row in rows] == [("ann", True), ("bob", False)]
        call(tmp_path, "enable", "bob", "--why", "back")
        assert [line.split("\t")[:4] for line in call(tmp_path, "list").splitlines()] == [
            ["ann", "owner", "enabled", "password only"],
            ["bob", "owner", "enabled", "password only"],
        ]


def test_a_role_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Choose from owner"):
        call(tmp_path, "invite", "--role", "king")
