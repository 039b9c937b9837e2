"""Catalogues are complete in both languages, and what is compiled is what is written."""

from __future__ import annotations

import importlib.util
import string
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.pofile import read_po

from zhengming.core.i18n import DEFAULT_LANGUAGE, LANGUAGES, LOCALE_DIR, language_of, translate

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "compile_catalogues.py"
FOLDERS = tuple(language.replace("-", "_") for language in LANGUAGES)
DOMAINS = sorted({po.stem for po in LOCALE_DIR.glob("*/LC_MESSAGES/*.po")})


def script() -> ModuleType:
    """Load scripts/compile_catalogues.py, which is no package."""
    spec = importlib.util.spec_from_file_location("compile_catalogues", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def po_path(folder: str, domain: str) -> Path:
    return LOCALE_DIR / folder / "LC_MESSAGES" / f"{domain}.po"


def texts(folder: str, domain: str) -> dict[str, str]:
    with po_path(folder, domain).open("rb") as file:
        catalogue = read_po(file, charset="utf-8", abort_invalid=True)
    return {str(message.id): str(message.string) for message in catalogue if message.id}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_there_are_catalogues() -> None:
    assert {"care", "label"} <= set(DOMAINS)


def test_no_folder_but_those_of_the_two_languages() -> None:
    assert {path.name for path in LOCALE_DIR.iterdir() if path.is_dir()} <= set(FOLDERS)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_has_both_languages_with_the_same_keys(domain: str) -> None:
    first, second = (texts(folder, domain) for folder in FOLDERS)
    assert first.keys() == second.keys()


@pytest.mark.parametrize("domain", DOMAINS)
def test_both_languages_have_the_same_places_to_fill(domain: str) -> None:
    first, second = (texts(folder, domain) for folder in FOLDERS)
    for key in first.keys() & second.keys():
        assert places(first[key]) == places(second[key]), key


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_no_text_is_empty_doubtful_or_its_own_key(domain: str, folder: str) -> None:
    with po_path(folder, domain).open("rb") as file:
        for message in read_po(file, charset="utf-8"):
            if message.id:
                assert str(message.string).strip(), message.id
                assert not message.fuzzy, message.id
                assert message.string != message.id, message.id


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_no_key_stands_twice_in_a_file(domain: str, folder: str) -> None:
    lines = po_path(folder, domain).read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if line.startswith("msgid ") and line != 'msgid ""']
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_text_is_found_compiled(domain: str, folder: str) -> None:
    for key, text in texts(folder, domain).items():
        assert translate(domain, key, folder.replace("_", "-")) == text


def test_the_compiled_files_equal_the_written_ones() -> None:
    module = script()
    assert [path.name for path, _ in module.stale()] == []
    assert module.orphans() == []


def test_compiling_finds_a_changed_text_and_a_file_left_over(tmp_path: Path) -> None:
    module = script()
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    po = folder / "x.po"
    po.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "a"\nmsgstr "one"\n', "utf-8")
    [(mo, wanted)] = module.stale(tmp_path)
    mo.write_bytes(wanted)
    assert list(module.stale(tmp_path)) == []
    po.write_text(po.read_text("utf-8").replace("one", "two"), "utf-8")
    assert [path for path, _ in module.stale(tmp_path)] == [mo]
    po.unlink()
    assert module.orphans(tmp_path) == [mo]


def test_a_missing_text_is_an_error_and_no_text_for_people() -> None:
    with pytest.raises(KeyError, match=r"no\.such\.key"):
        translate("label", "no.such.key", "en")


def test_an_unknown_language_is_served_in_the_default_language() -> None:
    key = next(iter(texts(FOLDERS[0], "label")))
    assert translate("label", key, "xx") == translate("label", key, DEFAULT_LANGUAGE)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("今天天气很好", "zh-CN"),
        ("please help me", "en"),
        ("帮我看看这个 Python traceback", "zh-CN"),
        ("The word 好 appears once in this rather long English sentence", "en"),
        ("12345 !?", "zh-CN"),
        ("", "zh-CN"),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_text_without_letters_takes_the_language_given() -> None:
    assert language_of("123", "en") == "en"
