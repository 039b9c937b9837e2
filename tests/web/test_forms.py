"""Addresses to go to next never leave the console, whatever is typed."""

from __future__ import annotations

import re
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zhengming.core.errors import InvalidInputError
from zhengming.web.forms import Form, safe_next
from zhengming.web.sessions import network_of

HOST = "https://console.example.org"
PIECES = st.sampled_from(
    ["/", "\\", "//", "%2f", "%5C", "%252f", "\t", "\n", "\r", "%0d", "%09", " ", "@", ":", ".", "..", "evil.example",
     "https:", "javascript:", "?", "#", "a", "\u2028", "\u3000", "\u200b", "\x00", "\ud800", "；", "／"]
)  # fmt: skip
ADDRESSES = st.one_of(
    st.text(), st.lists(PIECES, max_size=8).map("".join), st.lists(PIECES).map(lambda x: "/" + "".join(x))
)


def as_a_browser_reads(text: str) -> str:
    """The first steps of the URL standard: strip, drop tabs and line ends, read backslashes as slashes."""
    stripped = text.strip("".join(map(chr, range(33))))
    return re.sub(r"[\t\r\n]", "", stripped).replace("\\", "/")


@given(ADDRESSES)
@example("/%2f%2fevil.example")
@example("/%5cevil.example")
@example("/%255cevil.example")
@example("/./\\evil.example")
def test_what_is_returned_stays_on_this_host_however_often_it_is_decoded(text: str) -> None:
    kept = safe_next(text)

    assert kept in {text, "/"}
    for form in (kept, unquote(kept.partition("?")[0]), unquote(unquote(kept.partition("?")[0]))):
        read = as_a_browser_reads(form)
        assert read.startswith("/")
        assert not read.startswith("//")
        assert urlsplit(urljoin(HOST, read)).netloc == urlsplit(HOST).netloc
        assert not re.search(r"[\x00-\x1f\x7f\\]", form)


@given(ADDRESSES)
def test_what_was_returned_is_returned_again(text: str) -> None:
    assert safe_next(safe_next(text)) == safe_next(text)


@pytest.mark.parametrize(
    "path", ["/", "/turns?from=2026-01-01T00:00:00%2B08:00&q=a%2Fb", "/staff/0198-x", "/账号?q=好"]
)
def test_addresses_of_pages_are_kept(path: str) -> None:
    assert safe_next(path) == path


def test_fields_are_read_as_they_were_sent_or_tidied() -> None:
    form = Form({"a": [" x ", "y"], "long": ["x" * 20], "bell": ["a\x07"]})

    assert (form.text("a"), form.exact("a"), form.all("a"), form.text("none")) == ("x", " x ", [" x ", "y"], "")
    with pytest.raises(InvalidInputError, match="too long"):
        form.text("long", max=19)
    with pytest.raises(InvalidInputError, match="control"):
        form.text("bell")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "unknown"),
        ("nonsense\r\n", "unknown"),
    ],
)
def test_an_address_is_cut_to_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
