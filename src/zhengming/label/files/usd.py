"""USD in its text form: `string AIGC` in the layer's `customLayerData`. No guide names a slot for scenes.

The binary forms (`usdc`, and `usdz` which packs them) are refused with what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files.base import (
    MAX_PARTS,
    MAX_SITES,
    Buffer,
    FileFault,
    Scan,
    Site,
    Splice,
    UnreadableFileError,
    faults_of,
)

_HEADER: Final = re.compile(rb"#usda 1\.\d+[^\r\n]*(?:\r?\n|\Z)")
_TOKEN: Final = re.compile(
    rb"#[^\r\n]*+|\"\"\"(?:[^\"\\]++|\\.|\"(?!\"\"))*+\"\"\"|'''(?:[^'\\]++|\\.|'(?!''))*+'''"
    rb"|\"(?:[^\"\\\r\n]++|\\.)*+\"|'(?:[^'\\\r\n]++|\\.)*+'|@@@.*?@@@|@[^@\r\n]*+@|[()\[\]{}=,;]|[^\s()\[\]{}=,;\"'@#]++|(?P<bad>[\"'@])",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)


class Token(NamedTuple):
    """A token and where it stands."""

    text: bytes
    start: int
    end: int


class Layer(NamedTuple):
    """Where a label goes (`opened`: -1 where the layer has no such place yet), and the labels that are there."""

    header: int
    opened: int
    custom: int
    found: list[Site]


class Usda:
    """USD as text."""

    name = "usda"
    media_types = ("model/vnd.usda", "model/vnd.usd+zip")
    extensions = (".usda", ".usd", ".usdc", ".usdz")
    slot = "usda.customLayerData"
    guide = ""

    def recognises(self, head: bytes) -> bool:
        """Whether it is a layer in text or in the binary form, of which only the first is labelled."""
        return head.startswith((b"#usda ", b"PXR-USDC")) or (head.startswith(b"PK\x03\x04") and b".usd" in head[30:300])

    def scan(self, data: Buffer) -> Scan:
        """Find the entries called AIGC."""
        try:
            layer = _layer(memoryview(data))
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        return Scan(tuple(layer.found[:MAX_SITES]), faults_of(sites=layer.found))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the entry first into `customLayerData`, which is made where there is none."""
        value = fields.to_json().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        layer = _layer(memoryview(data))
        block = b'\n        string AIGC = "' + value + b'"\n'
        place = layer.custom
        if place < 0:
            block = b"\n    customLayerData = {" + block + b"    }\n"
            place = layer.opened
        if place < 0:
            block = b"(" + block + b")\n"
            place = layer.header
        return [Splice(place, place, block), *(Splice(one.start, one.end, b"") for one in layer.found)]


def _refused(problem: str) -> UnreadableFileError:
    return UnreadableFileError(f"The USD layer {problem}.", next_step="Save it as text, as usda.")


def _tokens(view: memoryview, start: int) -> Iterator[Token]:
    for number, found in enumerate(_TOKEN.finditer(view, start)):
        if found["bad"] or number > MAX_PARTS:
            raise _refused("cannot be read")
        if not found[0].startswith(b"#"):
            yield Token(found[0], *found.span())


def _layer(view: memoryview) -> Layer:
    """Walk over the metadata of the layer, which stands between the first parentheses."""
    header = _HEADER.match(view)
    if header is None:
        raise _refused("is not in the text form")
    layer = Layer(header.end(), -1, -1, [])
    depth = 0
    last: list[Token] = []
    inside = False
    for token in _tokens(view, header.end()):
        if depth == 0:
            if token.text != b"(":
                return layer
            layer = layer._replace(opened=token.end)
        elif token.text == b"{" and depth == 1 and [one.text for one in last[-2:]] == [b"customLayerData", b"="]:
            inside = True
            layer = layer._replace(custom=token.end) if layer.custom < 0 else layer
        elif inside and depth == 2 and _is_label(last):  # noqa: PLR2004 - within the braces
            layer.found.append(_site(last[-3], token))
        depth += (token.text in {b"(", b"[", b"{"}) - (token.text in {b")", b"]", b"}"})
        inside = inside and depth > 1
        last = [*last[-2:], token]
        if depth == 0:
            return layer
    if depth:
        raise _refused("is cut off")
    return layer


def _is_label(last: list[Token]) -> bool:
    texts = [one.text for one in last[-3:]]
    return len(texts) == 3 and texts[1].strip(b"\"'") == b"AIGC" and texts[2] == b"="  # noqa: PLR2004 - type, name, sign


def _site(first: Token, value: Token) -> Site:
    quote = value.text[:3] if value.text[:3] in {b'"""', b"'''"} else value.text[:1]
    bare = value.text[len(quote) : -len(quote)] if quote[:1] in {b'"', b"'"} else value.text
    return Site(Usda.slot, _ESCAPE.sub(rb"\1", bare), first.start, value.end, official=False)
