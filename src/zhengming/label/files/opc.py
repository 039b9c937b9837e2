"""DOCX, XLSX and PPTX with their templates: the custom property `AIGC` (TC260-PG-20258A, 6.1).

It stands in the part of custom properties, by custom `docProps/custom.xml`, which is registered in
`[Content_Types].xml` and `_rels/.rels`. Every other part stays byte for byte.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from zhengming.label.aigc import AigcFields
from zhengming.label.files.base import MAX_SITES, Buffer, FileFault, Scan, Site, Splice, UnreadableFileError, faults_of
from zhengming.label.files.xmls import Element, Part
from zhengming.label.files.zips import Archive

TYPES: Final = "[Content_Types].xml"
RELATIONS: Final = "_rels/.rels"
USUAL: Final = "docProps/custom.xml"

_TYPE: Final = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
_LOOSE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/"
_STRICT: Final = "http://purl.oclc.org/ooxml/officeDocument/"
_RELATION: Final = _LOOSE + "relationships/custom-properties"
_RELATION_STRICT: Final = _STRICT + "relationships/customProperties"
_FORMAT_ID: Final = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"


class Opc:
    """One of the three kinds; which of them a file is shows in the folder of its main part."""

    slot = "opc.custom_property"
    guide = "TC260-PG-20258A"

    def __init__(self, name: str, folder: bytes, media: str, letters: str) -> None:
        self.name = name
        self._folder = folder
        self.media_types = (f"application/vnd.openxmlformats-officedocument.{media}",)
        self.extensions = tuple(f".{letters[:3]}{one}" for one in ("x", "m")) + tuple(
            f".{letters[3:]}{one}" for one in ("x", "m")
        )

    def recognises(self, head: bytes) -> bool:
        """Whether it begins as such a package does; where the head does not name the kind, any of the three."""
        if not head.startswith(b"PK\x03\x04") or head[30:38] == b"mimetype":
            return False
        return self._folder in head or not any(one in head for one in (b"word/", b"xl/", b"ppt/"))

    def scan(self, data: Buffer) -> Scan:
        """Find the property, however often it stands there."""
        try:
            archive = Archive(data)
            where, _ = _place(archive)
            entry = archive.find(where)
            found = [] if entry is None else _labels(Part(where, archive.read(where)))
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        if entry is None:
            return Scan(())
        sites = tuple(Site(self.slot, one.text, entry.start, entry.end, official=True) for one in found[:MAX_SITES])
        return Scan(sites, faults_of(sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the property into the part of custom properties, which is made and registered where there is none."""
        value = escape(fields.to_json().decode("ascii"))
        archive = Archive(data)
        where, relations = _place(archive)
        strict = _STRICT.encode() in relations.text
        parts: dict[str, bytes] = {}
        if archive.find(where) is None:
            properties = Part(where, _empty(strict=strict))
        else:
            properties = Part(where, archive.read(where))
        parts[where] = _with_property(properties, value)
        types = Part(TYPES, archive.read(TYPES))
        if not any(
            one.get("PartName").lstrip("/").casefold() == where.casefold() for one in types.elements("Override")
        ):
            parts[TYPES] = types.with_last(
                "Types", f'<{{}}Override PartName="/{where}" ContentType="{_TYPE}"/>'.encode()
            )
        if not any(_is_custom(one) for one in relations.elements("Relationship")):
            kind = _RELATION_STRICT if strict else _RELATION
            parts[RELATIONS] = relations.with_last(
                "Relationships",
                f'<{{}}Relationship Id="{_free_id(relations)}" Type="{kind}" Target="{where}"/>'.encode(),
            )
        return archive.rewritten(parts)


def _place(archive: Archive) -> tuple[str, Part]:
    """Return where the custom properties stand or shall stand, and the part of relations."""
    relations = Part(RELATIONS, archive.read(RELATIONS))
    for one in relations.elements("Relationship"):
        if _is_custom(one) and archive.find(one.get("Target").lstrip("/")) is not None:
            return one.get("Target").lstrip("/"), relations
    return USUAL, relations


def _is_custom(one: Element) -> bool:
    return one.get("Type") in {_RELATION, _RELATION_STRICT}


def _free_id(relations: Part) -> str:
    taken = {one.get("Id") for one in relations.elements("Relationship")}
    return next(name for number in range(1, len(taken) + 2) if (name := f"rId{number}") not in taken)


def _empty(*, strict: bool) -> bytes:
    base = _STRICT if strict else _LOOSE
    name = "customProperties" if strict else "custom-properties"
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<Properties xmlns="{base}{name}" xmlns:vt="{base}docPropsVTypes"></Properties>'
    ).encode()


def _labels(properties: Part) -> list[Element]:
    return [one for one in properties.elements("property") if one.get("name") == "AIGC"]


def _with_property(properties: Part, value: str) -> bytes:
    cleaned = properties.without(_labels(properties))
    taken = {one.get("pid") for one in cleaned.elements("property")}
    number = next(pid for pid in range(2, len(taken) + 3) if str(pid) not in taken)
    base = _STRICT if _STRICT.encode() in cleaned.text else _LOOSE
    child = (
        f'<{{}}property fmtid="{_FORMAT_ID}" pid="{number}" name="AIGC">'
        f'<vt:lpwstr xmlns:vt="{base}docPropsVTypes">\0</vt:lpwstr></{{}}property>'
    )
    # The format id has braces of its own, and the value may hold `{}`: both come after the prefix.
    return cleaned.with_last("Properties", child.encode()).replace(b"\0", value.encode("ascii"), 1)
