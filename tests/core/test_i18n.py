"""Catalogues are complete in both languages, and what is compiled is what is written."""

from __future__ import annotations

import importlib.util
import string
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from zhengming.core import i18n
from zhengming.core.i18n import DEFAULT_LANGUAGE, LANGUAGES, LOCALE_DIR, language_of, translate, translate_count

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


def messages(folder: str, domain: str) -> dict[str, tuple[str, ...]]:
    """Read a catalogue: the forms of each key, one where it has no plural."""
    with po_path(folder, domain).open("rb") as file:
        catalogue = read_po(file, folder, charset="utf-8", abort_invalid=True)
    return {key_of(message): forms_of(message) for message in catalogue if message.id}


def key_of(message: Message) -> str:
    return message.id if isinstance(message.id, str) else str(message.id[0])


def forms_of(message: Message) -> tuple[str, ...]:
    return (message.string or "",) if isinstance(message.string, str | None) else tuple(message.string)


def texts(folder: str, domain: str) -> dict[str, str]:
    return {key: " ".join(forms) for key, forms in messages(folder, domain).items()}


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
        for message in read_po(file, folder, charset="utf-8"):
            if message.id:
                assert all(form.strip() for form in forms_of(message)), message.id
                assert not message.fuzzy, message.id
                assert key_of(message) not in forms_of(message), message.id


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_no_key_stands_twice_in_a_file(domain: str, folder: str) -> None:
    lines = po_path(folder, domain).read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if line.startswith("msgid ") and line != 'msgid ""']
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_text_is_found_compiled(domain: str, folder: str) -> None:
    language = folder.replace("_", "-")
    for key, (one, *more) in messages(folder, domain).items():
        assert translate(domain, key, language) == one
        for number, form in enumerate(more, start=2):
            filled = {name: f"<{name}>" for name in places(form)}
            assert translate_count(domain, key, language, number, **filled) == form.format(**filled)


def test_a_key_with_plurals_must_be_both_id_and_plural_id() -> None:
    for domain in DOMAINS:
        for folder in FOLDERS:
            with po_path(folder, domain).open("rb") as file:
                for message in read_po(file, folder, charset="utf-8"):
                    assert isinstance(message.id, str) or len(set(message.id)) == 1, message.id


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


def test_a_count_takes_the_form_of_its_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script()
    for folder, forms in (("en", ["{count} turn", "{count} turns"]), ("zh_CN", ["{count} 个轮次"])):
        po = tmp_path / folder / "LC_MESSAGES" / "turns.po"
        po.parent.mkdir(parents=True)
        lines = [f'msgstr[{place}] "{form}"' for place, form in enumerate(forms)]
        po.write_text("\n".join(['msgid "n"', 'msgid_plural "n"', *lines, ""]), "utf-8")
    for mo, wanted in module.stale(tmp_path):
        mo.write_bytes(wanted)
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    i18n._catalogue.cache_clear()
    try:
        assert [translate_count("turns", "n", "en", n) for n in (0, 1, 2)] == ["0 turns", "1 turn", "2 turns"]
        assert [translate_count("turns", "n", "zh-CN", n) for n in (0, 1, 2)] == ["0 个轮次", "1 个轮次", "2 个轮次"]
        assert translate_count("turns", "n", "en", 2000, count="2,000") == "2,000 turns"
        with pytest.raises(KeyError, match="nothing"):
            translate_count("turns", "nothing", "en", 1)
    finally:
        i18n._catalogue.cache_clear()


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


@pytest.mark.parametrize(
    ("other", "word"),
    [("打码", "遮盖"), ("未经筛查", "未经检测"), ("关怀等级", "关怀级别"), ("终端用户", "最终用户"), ("暂留", "暂扣")],
)
def test_chinese_pages_call_a_thing_by_one_word(other: str, word: str) -> None:
    texts = {domain: po_path("zh_CN", domain).read_text(encoding="utf-8") for domain in DOMAINS}

    assert [domain for domain, text in texts.items() if other in text] == []
    assert any(word in text for text in texts.values())
