"""Plain text and Markdown: one label in lines, every other byte where it was, whatever the encoding."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import LabelVerdict, first_write, propagated, read
from zhengming.label.files.base import FileFault, Splice, UnreadableFileError, joined
from zhengming.label.files.markdown import Markdown
from zhengming.label.files.plain import Plain

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
QUOTED = first_write("Lin's-Works", "a'b", reserved_code1='{"a":"b"}')
TXT = Plain()
MD = Markdown()
POEM = "床前明月光，\r\n疑是地上霜。\r\n"
FRONT = "---\ntitle: 静夜思 # 李白\ntags: [a, b]\n---\n\n# 题\n\n---\n"
MINIMAX = "---\nAIGC:\n  Label: AIGC\n  ContentProducer: Minimax Agent AI\n  ProduceID: '1'\n---\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be", "utf-16-le"])
def test_a_text_keeps_its_encoding_and_its_line_ends(encoding: str) -> None:
    poem = (POEM + "line of latin letters\r\n" * 8).encode(encoding)
    labelled = joined(poem, TXT.write(poem, FIELDS))
    (site,) = TXT.scan(labelled).sites

    assert labelled.decode(encoding) == f"AIGC: {FIELDS.to_json().decode()}\r\n" + poem.decode(encoding)
    assert (site.slot, site.official, TXT.guide) == ("txt.first_line", False, "")
    assert read(site.raw).fields == FIELDS
    assert joined(poem, []) == joined(labelled, [Splice(site.start, site.end, b"")])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("form", ["AIGC: {}", "AIGC{}", "AIGC = {}", '{{"AIGC":{}}}'])
def test_relabelling_a_text_replaces_what_others_left(form: str, encoding: str) -> None:
    left = f"{POEM}{form.format(FIELDS.to_json().decode())}\r\nlast 𠀀 line".encode(encoding)
    assert read(TXT.scan(left).sites[0].raw).fields == FIELDS

    labelled = joined(left, TXT.write(left, MOVED))
    assert [read(site.raw).fields for site in TXT.scan(labelled).sites] == [MOVED]
    assert labelled.decode(encoding).endswith(POEM + "last 𠀀 line")


def test_prose_about_labels_is_no_label() -> None:
    prose = b"AIGC: what it means\nThe AIGC: {label} is here.\n  AIGC\n"

    assert TXT.scan(prose).sites == ()
    assert TXT.scan(b"AIGC: {}\nAIGC: {}").faults == (FileFault.DUPLICATE_LABEL,)


def test_markdown_without_front_matter_gets_one() -> None:
    labelled = joined(b"# Title\n", MD.write(b"# Title\n", FIELDS))
    front = yaml.safe_load(labelled.split(b"---\n")[1])

    assert front == {"AIGC": json.loads(FIELDS.to_json())}
    assert labelled.startswith(b"---\nAIGC:\n  Label: '1'\n  ContentProducer: '001191999999GUJ65RGF1M1A001'\n")
    assert labelled.endswith(b"\n---\n# Title\n")
    (site,) = MD.scan(labelled).sites
    assert (site.slot, site.official, read(site.raw).fields) == ("markdown.front_matter", True, FIELDS)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_front_matter_of_others_stays_byte_for_byte(newline: str, encoding: str) -> None:
    page = FRONT.replace("\n", newline).encode(encoding)
    labelled = joined(page, MD.write(page, QUOTED))
    (site,) = MD.scan(labelled).sites
    front = yaml.safe_load(labelled.decode(encoding).split(f"---{newline}")[1])

    assert read(site.raw).fields == QUOTED
    assert front["title"] == "静夜思"
    assert front["AIGC"] == json.loads(QUOTED.to_json())
    assert labelled[: site.start] + labelled[site.end :] == page


def test_relabelling_markdown_replaces_the_front_matters_label_and_the_bodys() -> None:
    page = (FRONT + MINIMAX + "text\n" + f'{{"AIGC":{FIELDS.to_json().decode()}}}\n').encode()
    once = joined(page, MD.write(page, FIELDS))
    twice = joined(once, MD.write(once, MOVED))

    assert [site.slot for site in MD.scan(page).sites] == ["markdown.body", "markdown.body"]
    assert [read(site.raw).fields for site in MD.scan(twice).sites] == [MOVED]
    assert twice.endswith("# 题\n\n---\ntext\n".encode())


def test_what_minimax_writes_is_read_and_noncompliant() -> None:
    (site,) = MD.scan(MINIMAX.encode()).sites

    assert site.slot == "markdown.front_matter"
    assert read(site.raw).verdict is LabelVerdict.NONCOMPLIANT
    assert {fault.value for fault in read(site.raw).faults} >= {"label_enum_invalid", "field_missing"}


def test_a_number_without_quotes_is_read_as_the_number_that_yaml_makes_of_it() -> None:
    page = b"---\nAIGC: {Label: 1, ContentProducer: a, ProduceID: null, ReservedCode1: *x}\n---\n"

    assert {fault.value for fault in read(MD.scan(page).sites[0].raw).faults} >= {"label_enum_invalid", "type_invalid"}


def test_a_code_block_and_rules_around_prose_are_left_alone() -> None:
    page = b"---\nSome prose\n---\n```yaml\nAIGC:\n  Label: '1'\n```\n"

    assert MD.scan(page).sites == ()
    assert joined(page, MD.write(page, FIELDS)).endswith(b"'\n---\n" + page)


@pytest.mark.parametrize("head", [b"+++\ntitle = 'x'\n+++\n", b"---\n{title: x}\n---\n"])
def test_front_matter_that_cannot_hold_the_label_is_refused(head: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        MD.write(head, FIELDS)
    assert MD.scan(head).faults == (FileFault.MALFORMED,)


def test_a_deep_block_of_yaml_costs_nothing() -> None:
    page = b"---\nAIGC:\n  Label: " + b"[" * 10_000 + b"\n  b: *a\n---\n"

    assert MD.scan(page).sites == ()
    assert joined(page, MD.write(page, FIELDS)).count(b"[") == 10_000


_PIECES = st.sampled_from(
    [b"AIGC:", b"AIGC", b"{", b"}", b'"', b"'", b"\n", b"\r\n", b"  ", b"Label: '1'", b"---", b"---\n", b"```\n",
     b"\xff\xfe", b"\0", b"\xd8", b"*", b"&a ", b'"\\U99999999"', b": ", b"- ", b"+++", b"ContentProducer: x"]
)  # fmt: skip


@settings(derandomize=True)
@given(st.lists(_PIECES, max_size=30).map(b"".join), st.sampled_from([TXT, MD]))
def test_any_bytes_are_answered_and_what_was_written_is_read_back(data: bytes, kind: Plain | Markdown) -> None:
    kind.scan(data)
    try:
        labelled = joined(data, kind.write(data, FIELDS))
    except UnreadableFileError:
        return
    assert FIELDS in [read(site.raw).fields for site in kind.scan(labelled).sites]
