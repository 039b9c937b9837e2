"""Read rules from files: YAML records, and CSV for the long word lists of an operator.

YAML: a list of records with the fields of :class:`~zhengming.screen.rule.Rule`; `version` defaults to "1", lists may
be left out. CSV: a header `id,category,severity,literal` and one literal a row; rows of one file that share an id are
one rule. An error names the file, the record and the field, and nothing is loaded by half.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import yaml

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Category, Surface
from zhengming.screen.rule import ALL_SURFACES, MAX_SEVERITY, Rule, RuleSet

try:
    from yaml import CSafeLoader as _YamlLoader
except ImportError:  # PyYAML built without libyaml: slower, the same result
    from yaml import SafeLoader as _YamlLoader  # type: ignore[assignment]  # stubs call the two unrelated

__all__ = ["ALL_SURFACES", "CSV_FIELDS", "MAX_SEVERITY", "Rule", "RuleSet", "load_rules", "rule_of"]

CSV_FIELDS: Final = ("id", "category", "severity", "literal")
_CATEGORIES: Final = {category.value: category for category in Category}
_SURFACES: Final = {surface.value: surface for surface in Surface}
_RULE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class _Loader(_YamlLoader):
    """Safe YAML that refuses a key written twice: the first value would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(
                "while reading a record", node.start_mark, "a field stands twice", node.start_mark
            )
        return mapping


def load_rules(paths: Iterable[Path | str] | None = None, *, version: str = "") -> RuleSet:
    """Return the rules of the files and folders (their `*.yaml` and `*.csv`, by name) as one set.

    Without `paths` the library that ships is read. Raises InvalidInputError for anything that is not a rule and for an
    id that stands twice.
    """
    rules: list[Rule] = []
    places: dict[str, str] = {}
    for source in _sources(paths):
        for rule in _read(source):
            other = places.setdefault(rule.id, source.name)
            if other != source.name:
                raise _refuse(
                    source.name, rule.id, "id", f"the id stands in {other} too", "Rename one of the two rules."
                )
            rules.append(rule)
    return RuleSet(tuple(rules), version)


def rule_of(record: object, place: str, number: int) -> Rule:
    """Return the rule of one parsed record; `place` and `number` (from 1) only serve the error's text."""
    name = f"record {number}"
    if not isinstance(record, Mapping):
        raise _refuse(place, name, "", "it is not a mapping of fields", "Write `- id: ...` and its fields.")
    if isinstance(record.get("id"), str):
        name = f"record {number} ({record['id']})"
    values: dict[str, Any] = {"version": "1"}
    for key, value in record.items():
        read = _FIELDS.get(key)
        if read is None:
            raise _refuse(place, name, str(key), "there is no such field", f"Use one of: {', '.join(_FIELDS)}.")
        try:
            values[key] = read(value)
        except ValueError as error:
            raise _refuse(place, name, key, str(error)) from error
    for key in ("id", "category", "severity"):
        if key not in values:
            raise _refuse(place, name, key, "the field is missing")
    if bool(values.get("literals")) == bool(values.get("expression")):
        raise _refuse(
            place, name, "literals", "a rule has either literals or an expression", "Split it into two rules."
        )
    if values.get("validator") and not values.get("expression"):
        raise _refuse(place, name, "validator", "validators check the match of an expression", "Write an expression.")
    return Rule(**values)


def _sources(paths: Iterable[Path | str] | None) -> list[Traversable]:
    if paths is None:
        return _folder(resources.files("zhengming.screen").joinpath("library"))
    sources: list[Traversable] = []
    for path in map(Path, paths):
        if not path.exists():
            raise InvalidInputError(f"there is no rule file {path}", next_step="Check the path.")
        sources += _folder(path) if path.is_dir() else [path]
    return sources


def _folder(folder: Traversable) -> list[Traversable]:
    entries = (entry for entry in folder.iterdir() if entry.name.endswith((".yaml", ".csv")))
    return sorted(entries, key=lambda entry: entry.name)


def _read(source: Traversable) -> list[Rule]:
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(source.name, f"byte {error.start}", "", "the file is not UTF-8", "Save it as UTF-8.") from error
    if source.name.endswith(".csv"):
        return _read_csv(source.name, text)
    try:
        records = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        raise InvalidInputError(f"{source.name} is not YAML: {error}", next_step="Correct the place named.") from error
    if not isinstance(records, list):
        raise _refuse(source.name, "the file", "", "it is not a list of records", "Begin each rule with `- id:`.")
    rules = [rule_of(record, source.name, number) for number, record in enumerate(records, 1)]
    _refuse_doubles(source.name, rules)
    return rules


def _refuse_doubles(place: str, rules: list[Rule]) -> None:
    seen: set[str] = set()
    for number, rule in enumerate(rules, 1):
        if rule.id in seen:
            raise _refuse(place, f"record {number}", "id", f"{rule.id!r} stands twice", "Rename one of the two rules.")
        seen.add(rule.id)


def _read_csv(place: str, text: str) -> list[Rule]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    groups: dict[str, tuple[Category, int, list[str]]] = {}
    try:
        header = next(rows, [])
        if tuple(header) != CSV_FIELDS:
            raise _refuse(place, "line 1", "", f"the header is {','.join(header)!r}", f"Write {','.join(CSV_FIELDS)}.")
        for row in rows:
            if row:
                _add_row(groups, row, place, rows.line_num)
    except csv.Error as error:
        raise _refuse(place, f"line {rows.line_num}", "", str(error)) from error
    return [
        Rule(id=key, version="1", category=category, severity=severity, literals=tuple(literals))
        for key, (category, severity, literals) in groups.items()
    ]


def _add_row(groups: dict[str, tuple[Category, int, list[str]]], row: list[str], place: str, line: int) -> None:
    if len(row) != len(CSV_FIELDS):
        raise _refuse(place, f"line {line}", "", f"it has {len(row)} fields", f"Write {len(CSV_FIELDS)} fields.")
    values: dict[str, Any] = {}
    for key, value in zip(CSV_FIELDS, row, strict=True):
        try:
            values[key] = _CSV_READERS[key](value)
        except ValueError as error:
            raise _refuse(place, f"line {line}", key, str(error)) from error
    group = groups.setdefault(values["id"], (values["category"], values["severity"], []))
    if group[:2] != (values["category"], values["severity"]):
        raise _refuse(
            place,
            f"line {line}",
            "id",
            f"{values['id']!r} has another category or severity above",
            "Rows that share an id are one rule: make them agree, or give this row another id.",
        )
    group[2].append(values["literal"])


def _refuse(place: str, record: str, key: str, reason: str, next_step: str = "") -> InvalidInputError:
    where = f"{place}, {record}" + (f", field {key!r}" if key else "")
    return InvalidInputError(f"{where}: {reason}", next_step=next_step)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r}; put it in quotes")  # noqa: TRY004 - one type for bad fields
    return value


def _rule_id(value: object) -> str:
    text = _text(value)
    if not _RULE_ID.fullmatch(text):
        raise ValueError(f"{text!r} is no id; use up to 100 of A-Z a-z 0-9 . _ : - beginning with a letter or digit")
    return text


def _literal(value: object) -> str:
    text = _text(value).strip()
    if not text:
        raise ValueError("a literal is empty")
    return text


def _category(value: object) -> Category:
    found = _CATEGORIES.get(_text(value))
    if found is None:
        raise ValueError(f"{value!r} is no category; use one of: {', '.join(Category)}")
    return found


def _severity(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SEVERITY:
        raise ValueError(f"{value!r} is no severity; use 0 to {MAX_SEVERITY}")
    return value


def _severity_text(value: object) -> int:
    text = _text(value).strip()
    return _severity(int(text) if text.isdecimal() else text)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r}")  # noqa: TRY004 - one type for bad fields
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list of texts, got {value!r}")  # noqa: TRY004 - one type for bad fields
    return tuple(map(_text, value))


def _literals(value: object) -> tuple[str, ...]:
    return tuple(map(_literal, _texts(value)))


def _surfaces(value: object) -> frozenset[Surface]:
    names = _texts(value)
    if not names or not _SURFACES.keys() >= set(names):
        raise ValueError(f"{value!r} names no surfaces; use a list of: {', '.join(Surface)}")
    return frozenset(_SURFACES[name] for name in names)


_FIELDS: Final[dict[str, Callable[[object], object]]] = {
    "id": _rule_id,
    "version": _text,
    "category": _category,
    "severity": _severity,
    "literals": _literals,
    "expression": _text,
    "boundary": _flag,
    "validator": _text,
    "mask": _text,
    "surfaces": _surfaces,
    "lang": _text,
    "note": _text,
    "examples": _texts,
    "counter_examples": _texts,
}
_CSV_READERS: Final[dict[str, Callable[[object], object]]] = {
    "id": _rule_id,
    "category": _category,
    "severity": _severity_text,
    "literal": _literal,
}
