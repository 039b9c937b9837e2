"""The migrations build what the models declare, on both databases."""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, create_engine

import zhengming
from zhengming.core.errors import InvalidInputError, UnavailableError, ZhengmingError
from zhengming.store import Store, migrate
from zhengming.store.connect import make_engine, make_file, parse
from zhengming.store.schema import metadata


def _load_models() -> None:
    for found in pkgutil.walk_packages(zhengming.__path__, "zhengming."):
        if found.name.endswith((".models", ".partial_models")):
            importlib.import_module(found.name)


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(parse(url))
    try:
        yield engine
    finally:
        engine.dispose()


def test_migrations_build_exactly_what_the_models_declare(empty_url: str) -> None:
    _load_models()
    migrate.upgrade(empty_url)
    with _engine(empty_url) as engine, engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_primary_keys_agree_too_since_alembic_does_not_compare_them(empty_url: str) -> None:
    _load_models()
    migrate.upgrade(empty_url)
    built = MetaData()
    with _engine(empty_url) as engine:
        built.reflect(engine)
    for name, table in metadata.tables.items():
        assert [c.name for c in built.tables[name].primary_key] == [c.name for c in table.primary_key], name


def test_a_second_upgrade_finds_nothing_to_do(empty_url: str) -> None:
    assert migrate.current(empty_url) is None
    assert migrate.upgrade(empty_url) == migrate.newest() == migrate.current(empty_url)
    assert migrate.upgrade(empty_url) == migrate.newest()


def test_an_upgrade_apart_leaves_alembic_out_of_this_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'data' / 'a.sqlite3'}"
    code = (
        "import sys; from zhengming.store.migrate import upgrade_apart; upgrade_apart(sys.argv[1]); "
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == 0  # noqa: S603 - our own code
    assert migrate.current(url) == migrate.newest()


@pytest.mark.parametrize("url", ["no url", "postgresql+psycopg://nobody@127.0.0.1:9/none"])
def test_an_upgrade_apart_that_fails_raises_what_an_upgrade_here_raises(url: str) -> None:
    with pytest.raises(ZhengmingError) as here:
        migrate.upgrade(url)
    with pytest.raises(type(here.value)):
        migrate.upgrade_apart(url)


def test_concurrent_starts_wait_for_one_another(empty_url: str) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        try:
            migrate.upgrade(empty_url)
        except BaseException as error:  # noqa: BLE001 - a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert migrate.current(empty_url) == migrate.newest()


def test_a_new_sqlite_file_that_another_process_is_writing_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    make_file(path)
    engine = make_engine(parse(f"sqlite:///{path}"))
    connected = threading.Event()
    modes: list[object] = []

    def connect() -> None:
        try:
            with engine.connect() as connection:
                modes.append(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
        except BaseException as error:  # noqa: BLE001 - a thread's failure must reach the test
            modes.append(error)
        connected.set()

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(target=connect)
        thread.start()
        early = connected.wait(0.2)
        other.execute("ROLLBACK")
        thread.join()
    engine.dispose()
    assert (early, modes) == (False, ["wal"])


def test_a_new_sqlite_file_that_stays_locked_is_given_up_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhengming.store.connect.BUSY_SECONDS", 0.05)
    path = tmp_path / "a.sqlite3"
    make_file(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="locked"):
            migrate.upgrade(f"sqlite:///{path}")


def test_many_that_open_a_new_sqlite_file_at_once_all_succeed(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(8)

    def open_all() -> None:
        for number in range(20):
            path = tmp_path / f"{number}.sqlite3"
            make_file(path)
            engine = make_engine(parse(f"sqlite:///{path}"))
            barrier.wait()
            try:
                with engine.connect() as connection:
                    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
            except BaseException as error:  # noqa: BLE001 - a thread's failure must reach the test
                failures.append(error)
            finally:
                engine.dispose()

    threads = [threading.Thread(target=open_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_database_of_a_newer_program_is_refused(empty_url: str) -> None:
    with Store.open(empty_url) as store:
        store.write_sync(lambda tx: tx.run("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnavailableError, match="revision 9999, this program knows"):
        Store.open(empty_url)


def test_the_sqlite_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "zhengming.sqlite3"
    with Store.open(f"sqlite:///{path}") as store:
        store.write_sync(lambda tx: tx.run("INSERT INTO shared_version VALUES ('x', 1)"))
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (path.parent, *path.parent.iterdir())}
    assert modes.pop("data") == 0o700
    assert set(modes) >= {"zhengming.sqlite3", "zhengming.sqlite3-wal"}
    assert set(modes.values()) == {0o600}


def test_sqlite_runs_with_wal_full_sync_and_foreign_keys(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'a.sqlite3'}") as store:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        found = store.write_sync(lambda tx: [tx.one(f"PRAGMA {name}") for name in asked])
    assert found == [("wal",), (2,), (1,)]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/name", "no url"])
def test_a_database_that_cannot_keep_evidence_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError):
        Store.open(url)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnavailableError, match="file"):
        Store.open(f"sqlite:///{tmp_path / 'file' / 'a.sqlite3'}")
