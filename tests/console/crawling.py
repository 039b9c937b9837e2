"""What a page leads to: its links, its forms, and what it loads, read from its HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

from zhengming.console.asked import Page
from zhengming.console.pages import PAGES

_ADDRESSES: Final = {"a": ("href",), "link": ("href",), "script": ("src",), "img": ("src",), "li": ("data-href",)}
_LIVE: Final = ("data-live-from", "hx-get")


class Lead(NamedTuple):
    """One place that a page leads to."""

    method: str
    address: str


@dataclass
class Leads(HTMLParser):
    """Feed it a page that lies at `here`."""

    here: str
    found: list[Lead] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    unlabelled: list[str] = field(default_factory=list)
    _method: str = "GET"

    def __post_init__(self) -> None:
        """Set the parser up."""
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where a tag leads."""
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "form":
            self._method = given.get("method", "get").upper()
            if self._method != "DIALOG":
                self._lead(self._method, given.get("action", self.here))
        if "formaction" in given:
            self._lead(given.get("formmethod", self._method).upper(), given["formaction"])
        for name in (*_ADDRESSES.get(tag, ()), *_LIVE):
            if name in given:
                self._lead("GET", given[name])
        if "hx-post" in given:
            self._lead("POST", given["hx-post"])

    def _lead(self, method: str, address: str) -> None:
        self.found.append(Lead(method, urljoin(self.here, address)))


def is_ours(address: str) -> bool:
    """Whether an address lies within the console."""
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc


def kind_of(lead: Lead) -> tuple[str, ...]:
    """Return what makes two places alike: the page of the table, and the names in the query."""
    parts = urlsplit(lead.address)
    page = page_of(lead)
    names = sorted({name for name, _ in parse_qsl(parts.query)})
    return (lead.method, page.path if page is not None else parts.path, *names)


def page_of(lead: Lead) -> Page | None:
    """Return the page of the table that answers, as the router finds it; None for what is no page."""
    path = urlsplit(lead.address).path
    for page, pattern in _PATTERNS:
        if page.method == lead.method and pattern.fullmatch(path):
            return page
    return None


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+(?::\w+)?\})", path)
    return re.compile(
        "".join(
            ("[0-9]+" if part.endswith(":int}") else "[^/]+") if part.startswith("{") else re.escape(part)
            for part in parts
        )
    )


_PATTERNS: Final = tuple((page, _pattern(page.path)) for page in PAGES)
