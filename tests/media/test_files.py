"""Files on disk: labelled and read back, or left alone with a reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from zhengming.core.errors import NotFoundError
from zhengming.label import first_write
from zhengming.label.files.base import UnreadableFileError
from zhengming.label.files.formats import UnknownFormatError
from zhengming.media.buffers import NotAFileError
from zhengming.media.inspecting import Tier, inspect_file
from zhengming.media.labelling import label_file

CODE = "001191999999GUJ65RGF1M1A001"
FIELDS = first_write(CODE, "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
ZHENGMING = Path(sys.executable).with_name("zhengming")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "plum.png"
    Image.new("RGB", (8, 6), (190, 40, 60)).save(path)
    return path


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ZHENGMING), *map(str, words)], capture_output=True, text=True, check=False)  # noqa: S603 - our own command


def test_a_labelled_file_says_what_it_is_and_shows_the_same_picture(picture: Path, tmp_path: Path) -> None:
    target = tmp_path / "labelled.png"
    done = label_file(picture, target, FIELDS)
    found = inspect_file(target)

    assert (done.slot, done.official, done.guide) == ("png.itxt.xmp", True, "TC260-PG-20259A")
    assert (found.tier, str(found.verdict), found.faults) == (Tier.IS, "compliant", ())
    assert (found.aigc or {})["ProduceID"] == FIELDS.produce_id
    with Image.open(picture) as before, Image.open(target) as after:
        assert before.tobytes() == after.tobytes()


def test_a_file_may_be_labelled_in_place_and_keeps_its_mode(picture: Path) -> None:
    picture.chmod(0o640)
    label_file(picture, picture, FIELDS)

    assert str(inspect_file(picture).verdict) == "compliant"
    assert picture.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in picture.parent.iterdir()] == ["plum.png"]


def test_a_file_without_a_label_is_not_found_and_nothing_is_concluded(picture: Path) -> None:
    found = inspect_file(picture)

    assert (found.tier, str(found.verdict)) == (Tier.NONE, "not_found")


def test_what_cannot_be_labelled_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    broken, target = tmp_path / "broken.png", tmp_path / "target.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 9)
    target.write_bytes(b"kept")
    with pytest.raises(UnreadableFileError):
        label_file(broken, target, FIELDS)
    with pytest.raises(UnknownFormatError):
        label_file(target, target, FIELDS)
    with pytest.raises(NotFoundError):
        label_file(tmp_path / "nowhere.png", target, FIELDS)
    with pytest.raises(NotAFileError):
        label_file(tmp_path, target, FIELDS)

    assert target.read_bytes() == b"kept"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["broken.png", "target.png"]


def test_the_command_line_labels_and_inspects(picture: Path, tmp_path: Path) -> None:
    target = tmp_path / "labelled.png"
    made = run("label", picture, "-o", target, "--producer", CODE, "--json")
    written = json.loads(made.stdout)
    seen = run("inspect", target, picture, "--json")
    first, second = (json.loads(line) for line in seen.stdout.splitlines())

    assert (made.returncode, seen.returncode) == (0, 0), made.stderr + seen.stderr
    assert written["written"] == [
        {"what": "implicit", "slot": "png.itxt.xmp", "official": True, "guide": "TC260-PG-20259A"}
    ]
    assert first["aigc"]["ProduceID"] == written["produce_id"]
    assert {"tier", "verdict", "faults", "warnings", "aigc", "manifest", "evidence"} <= set(first)
    assert second["verdict"] == "not_found"


def test_a_file_that_cannot_be_read_is_inconclusive_and_the_exit_status_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(bytes(range(256)))
    seen = run("inspect", tmp_path, "--json")

    assert seen.returncode == 2
    assert json.loads(seen.stdout)["verdict"] == "inconclusive"


def test_a_mistyped_provider_code_is_refused(picture: Path, tmp_path: Path) -> None:
    done = run("label", picture, "-o", tmp_path / "x.png", "--producer", CODE[:-6] + "X" + CODE[-5:])

    assert done.returncode == 1
    assert "provider code" in done.stderr
