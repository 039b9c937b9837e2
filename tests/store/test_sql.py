"""Named places, translated for psycopg without touching strings, comments and casts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhengming.store import Store
from zhengming.store.sql import to_psycopg

CASES = [
    ("SELECT :a", "SELECT %(a)s"),
    ("SELECT :a, :b_2, :a", "SELECT %(a)s, %(b_2)s, %(a)s"),
    ("SELECT :a::int", "SELECT %(a)s::int"),
    ("SELECT 'x:y', ':a', 'it''s :a'", "SELECT 'x:y', ':a', 'it''s :a'"),
    ('SELECT ":a" FROM t', 'SELECT ":a" FROM t'),
    ("SELECT 1 -- :a\n, :b", "SELECT 1 -- :a\n, %(b)s"),
    ("SELECT /* :a */ :b", "SELECT /* :a */ %(b)s"),
    ("SELECT $$ :a $$, $q$ :b $$ :c $q$, :d", "SELECT $$ :a $$, $q$ :b $$ :c $q$, %(d)s"),
    ("SELECT 5 % :n, 'a%'", "SELECT 5 %% %(n)s, 'a%%'"),
    ("SELECT x[1:2]", "SELECT x[1:2]"),
]


@pytest.mark.parametrize(("sql", "translated"), CASES)
def test_only_places_are_translated(sql: str, translated: str) -> None:
    assert to_psycopg(sql) == translated


@given(st.text(alphabet=st.characters(exclude_characters="'\x00")))
def test_a_string_is_left_alone_but_for_percent(text: str) -> None:
    assert to_psycopg(f"SELECT '{text}'") == "SELECT '{}'".format(text.replace("%", "%%"))


def test_both_databases_read_the_same_sql(store: Store) -> None:
    sql = "SELECT :n + 1, ':n', '100%', CAST(:t AS TEXT) || '%' -- :ignored"
    assert store.read_sync(lambda tx: tx.one(sql, {"n": 6, "t": "八", "spare": 1})) == (7, ":n", "100%", "八%")


def test_booleans_and_bytes_mean_the_same_on_both_databases(store: Store) -> None:
    store.write_sync(lambda tx: tx.run("CREATE TABLE probe (flag INTEGER, big BIGINT)"))
    store.write_sync(lambda tx: tx.run("INSERT INTO probe VALUES (:flag, :big)", {"flag": True, "big": 2**62}))
    assert store.read_sync(lambda tx: tx.rows("SELECT flag, big FROM probe")) == [(1, 2**62)]
