"""Plain text. No guide names a slot in it, for it has no header: ours is a first line `AIGC: {...}`.

The line is written in the text's own encoding and with its own line ending; a byte order mark stays in front.
"""

from __future__ import annotations

from zhengming.label.aigc import AigcFields
from zhengming.label.files.base import Buffer, FileFault, Scan, Site, Splice, UnreadableFileError, faults_of
from zhengming.label.files.texts import Text, labels, looks_like_text


class Plain:
    """Text in UTF-8, GB18030 or UTF-16."""

    name = "txt"
    media_types = ("text/plain",)
    extensions = (".txt", ".text", ".log")
    slot = "txt.first_line"
    guide = ""

    def recognises(self, head: bytes) -> bool:
        """Whether it is text."""
        return looks_like_text(head)

    def scan(self, data: Buffer) -> Scan:
        """Find every label that stands in lines of its own."""
        try:
            text = Text(data)
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        sites = [
            Site(
                self.slot if one.start == text.start else "txt.line",
                one.raw,
                text.at(one.start),
                text.at(one.end),
                official=False,
            )
            for one in labels(text)
        ]
        return Scan(tuple(sites), faults_of(sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label into the first line and take every other away."""
        text = Text(data)
        line = text.encoded(b"AIGC: " + fields.to_json() + text.newline())
        place = text.at(text.start)
        cuts = [Splice(text.at(one.start), text.at(one.end), b"") for one in labels(text)]
        return [Splice(place, place, line), *cuts]
