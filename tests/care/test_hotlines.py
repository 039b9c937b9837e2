"""Numbers of help: only checked ones, only for their region, and never more hours than a line keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhengming.care.hotlines import PACKAGED, HotlineError, load_hotlines
from zhengming.core.words import Audience

RECORD = """
- id: {id}
  region: {region}
  kind: support
  number: {number}
  name: {{zh-CN: 某地心理援助热线, en: a local line}}
  source: the operator, by calling it
  checked: {checked}
"""


def written(path: Path, **changes: str) -> Path:
    values = {"id": "x-1", "region": "CN", "number": '"0571-12345678"', "checked": "2026-11-01", **changes}
    path.write_text(RECORD.format(**values), "utf-8")
    return path


def numbers(region: str, audience: Audience, *, emergency_first: bool = False) -> list[str]:
    return [one.number for one in load_hotlines().shown(region, audience, emergency_first=emergency_first)]


@pytest.mark.parametrize(
    ("region", "audience", "shown"),
    [
        ("CN", Audience.ADULT, ["12356", "120", "110"]),
        ("CN", Audience.ELDER, ["12356", "120", "110"]),
        ("CN", Audience.TEEN, ["12355", "12356", "120", "110"]),
        ("CN", Audience.CHILD, ["12355", "12356", "120", "110"]),
        ("GB", Audience.ADULT, ["116 123", "999"]),
        ("IE", Audience.ADULT, ["116 123", "112"]),
        ("US", Audience.TEEN, ["988", "911"]),
        ("FR", Audience.ADULT, []),
        ("", Audience.ADULT, []),
    ],
)
def test_which_numbers_are_shown_to_whom(region: str, audience: Audience, shown: list[str]) -> None:
    assert numbers(region, audience) == shown


def test_in_an_imminent_danger_the_emergency_numbers_stand_first() -> None:
    assert numbers("CN", Audience.TEEN, emergency_first=True) == ["120", "110", "12355", "12356"]


def test_every_packaged_number_has_a_source_a_date_and_a_name_in_both_languages() -> None:
    for record in load_hotlines().records:
        assert record.checked is not None
        assert record.source
        assert record.name_in("zh-CN")
        assert record.name_in("en")
        assert record.name_in("fr") == record.name_in("zh-CN")


def test_no_line_is_promised_round_the_clock_for_12356() -> None:
    [line] = [record for record in load_hotlines().records if record.number == "12356"]
    for language in ("zh-CN", "en"):
        hours = line.hours_in(language)
        assert "18" in hours
        assert not any(word in hours for word in ("24", "全天", "昼夜", "day and night"))


def test_an_operator_adds_replaces_and_hides_numbers_by_id(tmp_path: Path) -> None:
    added = load_hotlines(written(tmp_path / "a.yaml"))
    assert [one.number for one in added.shown("CN", Audience.ADULT)] == ["12356", "0571-12345678", "120", "110"]
    replaced = load_hotlines(written(tmp_path / "b.yaml", id="cn-12356"))
    assert [one.number for one in replaced.shown("CN", Audience.ADULT)] == ["0571-12345678", "120", "110"]
    hidden = load_hotlines(written(tmp_path / "c.yaml", id="cn-12356", checked='""'))
    assert [one.number for one in hidden.shown("CN", Audience.ADULT)] == ["120", "110"]


def test_a_number_without_a_check_date_is_never_shown(tmp_path: Path) -> None:
    lines = load_hotlines(written(tmp_path / "a.yaml", region="FR", checked='""'))
    assert lines.shown("FR", Audience.ADULT) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"number": "12356"}, "x-1"),
        ({"number": '"call me"'}, "region or number"),
        ({"region": "China"}, "region or number"),
        ({"checked": "soon"}, "date"),
        ({"checked": "2026-11-01 10:00:00"}, "date"),
        ({"id": "[1]"}, "complete"),
        ({"number": '"1\\n2"'}, "complete"),
    ],
)
def test_a_record_that_cannot_be_used_is_named(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    path = written(tmp_path / "a.yaml", **changes)
    with pytest.raises(HotlineError, match=told) as caught:
        load_hotlines(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "a: 1", "- 7", "{", "- id: x"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(HotlineError):
        load_hotlines(path)


def test_one_id_cannot_stand_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "a.yaml")
    path.write_text(path.read_text("utf-8") * 2, "utf-8")
    with pytest.raises(HotlineError, match="twice"):
        load_hotlines(path)


def test_a_missing_file_is_told_and_the_packaged_one_exists(tmp_path: Path) -> None:
    assert PACKAGED.is_file()
    with pytest.raises(HotlineError, match="missing"):
        load_hotlines(tmp_path / "missing.yaml")
