"""Key files: made once, closed to others, never half read."""

from __future__ import annotations

import base64
import stat
import threading
from pathlib import Path

import pytest

from zhengming.ledger import load_master, load_signer
from zhengming.ledger.errors import KeyFileError
from zhengming.ledger.head import KEY_VARIABLE, Head, is_genuine, load_public
from zhengming.ledger.keyfiles import load, load_or_create


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = load_signer(folder)
    assert load_signer(folder).public == first.public == load_public(folder)
    assert stat.S_IMODE((folder / "ledger.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["ledger.key", "ledger.pub"]


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(load_or_create(tmp_path / "master.key", "ZHENGMING_NOT_SET"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


def test_the_environment_comes_first_and_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENGMING_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    assert load_master(tmp_path).id == load_master(tmp_path / "elsewhere").id
    assert not list(tmp_path.iterdir())


def test_an_auditor_needs_the_public_file_only(tmp_path: Path) -> None:
    signer = load_signer(tmp_path)
    head = signer.sign(3, bytes(32), 7)
    (tmp_path / KEY_VARIABLE).touch()
    (tmp_path / "ledger.key").unlink()
    assert is_genuine(Head.from_json(head.as_json()), [load_public(tmp_path)])
    assert not is_genuine(head._replace(size=4), [load_public(tmp_path)])


@pytest.mark.parametrize("text", ["", "AAAA\n", "no base64!", base64.b64encode(bytes(33)).decode()])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"master\.key holds"):
        load(path)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_signer(tmp_path)
    (tmp_path / "ledger.key").chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_signer(tmp_path)


def test_a_missing_public_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"ledger\.pub"):
        load_public(tmp_path)
