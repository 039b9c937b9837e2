"""HTML: one meta element in the head, found as a browser would find it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files import html
from zhengming.label.files.base import FileFault, UnreadableFileError, joined

FIELDS = first_write("Lin's<&>Works", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='{"a":"b"}')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
HTML = html.Html()
PAGE = (
    '<!DOCTYPE html>\n<html lang="zh"><head>\n<meta charset="{}"><title>静夜思</title></head><body>诗</body></html>\n'
)


class Metas(HTMLParser):
    """The standard library's parser as the oracle."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "meta" and dict(attrs).get("name") == "AIGC":
            self.found.append(dict(attrs)["content"])


def metas(page: str) -> list[str | None]:
    parser = Metas()
    parser.feed(page)
    return parser.found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_what_was_written_is_what_a_parser_finds(encoding: str) -> None:
    page = PAGE.format(encoding).encode(encoding)
    labelled = joined(page, HTML.write(page, FIELDS))
    (site,) = HTML.scan(labelled).sites

    assert metas(labelled.decode(encoding)) == [FIELDS.to_json().decode()]
    assert (site.slot, site.official, read(site.raw).fields) == ("html.meta", False, FIELDS)
    assert labelled[: site.start] + labelled[site.end :] == page
    assert labelled.decode(encoding).split("'/>")[1].startswith("<title>"), "behind the declaration of the encoding"


def test_relabelling_replaces_what_others_left_wherever_it_stands() -> None:
    others = (
        b'<html><head><META CONTENT="{&quot;Label&quot;:&quot;1&quot;}" NAME=aigc></head>'
        b"<body><meta property='AIGC' content='{}'><p>x</p></body></html>"
    )
    assert HTML.scan(others).faults == (FileFault.DUPLICATE_LABEL,)
    assert HTML.scan(others).sites[0].raw == b'{"Label":"1"}'

    once = joined(others, HTML.write(others, FIELDS))
    twice = joined(once, HTML.write(once, MOVED))
    assert [read(site.raw).fields for site in HTML.scan(twice).sites] == [MOVED]
    assert twice.endswith(b"</head><body><p>x</p></body></html>")


@pytest.mark.parametrize(
    "decoy",
    [
        "<!-- <meta name='AIGC' content='{}'> -->",
        "<script>var a = \"<meta name='AIGC' content='{}'>\"</script>",
        "<title><meta name='AIGC' content='{}'></title>",
        "<textarea><meta name='AIGC' content='{}'></textarea>",
        "<p title=\"<meta name='AIGC' content='{}'>\">",
        "<!--><!-- <head><meta name='AIGC' content='{}'> -->",
    ],
)
def test_what_is_no_element_is_no_label_and_stays(decoy: str) -> None:
    page = f"<!-- <head> --><html><head>{decoy}</head></html>".encode()
    labelled = joined(page, HTML.write(page, FIELDS))

    assert HTML.scan(page).sites == ()
    assert labelled.startswith(b"<!-- <head> --><html><head><meta")
    assert decoy.encode() in labelled


@pytest.mark.parametrize("page", ["", "<p>only a part</p>", "<!doctype html><p>x", "plain", "<body>x</body>"])
def test_a_document_without_head_gets_its_label_before_any_content(page: str) -> None:
    labelled = joined(page.encode(), HTML.write(page.encode(), FIELDS)).decode()

    assert metas(labelled) == [FIELDS.to_json().decode()]
    assert labelled.lower().removeprefix("<!doctype html>").startswith("<meta")


def test_a_page_of_nothing_but_tags_is_given_up_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MAX_TAGS", 1_000)
    page = b"<a>" * 1_001

    assert HTML.scan(page).faults == (FileFault.TOO_MANY_PARTS,)
    with pytest.raises(UnreadableFileError):
        HTML.write(page, FIELDS)


@pytest.mark.parametrize(
    "page", [b"<a " * 300_000, b"<!--" * 300_000, b'<a b="' * 300_001, b"<script>" + b"</s" * 300_000]
)
def test_what_never_ends_costs_one_walk(page: bytes) -> None:
    assert HTML.scan(page).sites == ()


_PIECES = st.sampled_from(
    [b"<", b">", b"<!--", b"-->", b"<meta ", b"name=AIGC ", b'content="', b"'", b"<head>", b"<html>", b"<script>",
     b"</script", b"=", b"/", b" ", b"\xff\xfe", b"\0", b"<!doctype>", b"<body>", b"<title>"]
)  # fmt: skip


@settings(derandomize=True)
@given(st.lists(_PIECES, max_size=40).map(b"".join))
def test_any_bytes_are_answered_and_what_was_written_is_read_back(data: bytes) -> None:
    HTML.scan(data)
    labelled = joined(data, HTML.write(data, FIELDS))
    assert FIELDS in [read(site.raw).fields for site in HTML.scan(labelled).sites]
