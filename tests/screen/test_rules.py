"""Rule files: what is read, and that an error names the file, the record and the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Category, Surface
from zhengming.screen.rule import Rule, RuleSet, content_version
from zhengming.screen.rules import load_rules

GOOD = """
- id: fraud.a
  version: "3"
  category: fraud
  severity: 3
  literals: [杀猪盘, " scam "]
  surfaces: [input, output]
- id: privacy.b
  category: privacy
  severity: 2
  expression: '1[3-9][0-9]{9}'
  boundary: true
  validator: mobile
  mask: phone
"""


def write(folder: Path, text: str, name: str = "rules.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_yaml_file_becomes_rules_in_its_order(tmp_path: Path) -> None:
    rules = load_rules([write(tmp_path, GOOD)])
    first, second = rules.rules
    assert first == Rule(
        "fraud.a",
        "3",
        Category.FRAUD,
        3,
        ("杀猪盘", "scam"),
        surfaces=frozenset({Surface.INPUT, Surface.OUTPUT}),
    )
    assert (second.version, second.boundary, second.validator, second.mask) == ("1", True, "mobile", "phone")
    assert rules.index == {"fraud.a": 0, "privacy.b": 1}


def test_a_folder_is_read_by_name_and_csv_rows_with_one_id_are_one_rule(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "b.yaml")
    write(
        tmp_path, "\ufeffid,category,severity,literal\nop.x,spam,1,加群\nop.y,spam,2,点我\nop.x,spam,1,进群\n", "a.csv"
    )
    rules = load_rules([tmp_path]).rules
    assert [rule.id for rule in rules] == ["op.x", "op.y", "fraud.a", "privacy.b"]
    assert rules[0].literals == ("加群", "进群")


def test_the_library_that_ships_is_read_without_paths() -> None:
    assert len(load_rules()) > 50


def test_the_version_follows_the_meaning_and_not_the_explanation() -> None:
    rule = Rule("a", "1", Category.FRAUD, 3, ("x",))
    explained = Rule("a", "1", Category.FRAUD, 3, ("x",), note="why", examples=("x",))
    graver = Rule("a", "1", Category.FRAUD, 4, ("x",))
    assert content_version([rule]) == content_version([explained]) != content_version([graver])
    assert RuleSet((rule,)).version == content_version([rule])
    assert RuleSet((rule,), "2026-01").version == "2026-01"


YAML_ERRORS = [
    ("- id: a\n  category: fraud\n  severity: 1\n", "rules.yaml, record 1 (a), field 'literals'"),
    (
        "- id: a\n  category: fraud\n  severity: 1\n  literals: [x]\n  expression: x\n",
        "either literals or an expression",
    ),
    ("- category: fraud\n  severity: 1\n  literals: [x]\n", "record 1, field 'id': the field is missing"),
    ("- id: a b\n", "field 'id': 'a b' is no id"),
    ("- id: a\n  category: politics\n", "field 'category': 'politics' is no category; use one of: self_harm"),
    ("- id: a\n  severity: 5\n", "field 'severity': 5 is no severity"),
    ("- id: a\n  severity: true\n", "field 'severity': True is no severity"),
    ("- id: a\n  literals: x\n", "field 'literals': expected a list of texts, got 'x'"),
    ("- id: a\n  literals: [no]\n", "field 'literals': expected text, got False; put it in quotes"),
    ("- id: a\n  literals: [' ']\n", "field 'literals': a literal is empty"),
    ("- id: a\n  boundary: 'yes'\n", "field 'boundary': expected true or false"),
    ("- id: a\n  surfaces: [web]\n", "field 'surfaces': ['web'] names no surfaces"),
    ("- id: a\n  surfaces: []\n", "field 'surfaces': [] names no surfaces"),
    ("- id: a\n  verdict: stop\n", "field 'verdict': there is no such field"),
    ("- id: a\n  category: fraud\n  severity: 1\n  literals: [x]\n  validator: mobile\n", "field 'validator'"),
    ("- id: a\n  id: b\n", "a field stands twice"),
    ("- id: a\n  category: fraud\n  severity: 1\n  literals: [x]\n" * 2, "record 2, field 'id': 'a' stands twice"),
    ("id: a\n", "it is not a list of records"),
    ("- a\n", "record 1: it is not a mapping of fields"),
    ("- {id: a", "rules.yaml is not YAML"),
    ("- id: !!python/object:os.system {}\n", "rules.yaml is not YAML"),
]


@pytest.mark.parametrize(("text", "reason"), YAML_ERRORS)
def test_a_wrong_record_is_refused_by_name(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_rules([write(tmp_path, text)])
    assert reason in str(caught.value)


HEAD = "id,category,severity,literal\n"
CSV_ERRORS = [
    ("id,literal\n", "words.csv, line 1: the header is 'id,literal'"),
    (HEAD + "a,fraud,1\n", "line 2: it has 3 fields"),
    (HEAD + "a,fraud,high,x\n", "line 2, field 'severity': 'high' is no severity"),
    (HEAD + "a,fraud,1,x\na,fraud,2,y\n", "line 3, field 'id': 'a' has another category or severity above"),
    (HEAD + 'a,fraud,1,"x\n', "words.csv, line 2: unexpected end of data"),
]


@pytest.mark.parametrize(("text", "reason"), CSV_ERRORS)
def test_a_wrong_row_is_refused_by_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_rules([write(tmp_path, text, "words.csv")])
    assert reason in str(caught.value)


def test_an_id_in_two_files_is_refused_naming_both(tmp_path: Path) -> None:
    one, other = write(tmp_path, GOOD, "one.yaml"), write(tmp_path, GOOD, "two.yaml")
    with pytest.raises(InvalidInputError, match=r"two\.yaml, fraud\.a, field 'id': the id stands in one\.yaml too"):
        load_rules([one, other])


def test_a_rule_set_refuses_an_id_twice() -> None:
    rule = Rule("a", "1", Category.FRAUD, 3, ("x",))
    with pytest.raises(InvalidInputError, match="'a' stands twice"):
        RuleSet((rule, rule))


def test_a_file_that_is_missing_or_not_utf8_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no rule file"):
        load_rules([tmp_path / "none.yaml"])
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"- id: caf\xe9\n")
    with pytest.raises(InvalidInputError, match=r"latin\.yaml, byte 9: the file is not UTF-8"):
        load_rules([path])
