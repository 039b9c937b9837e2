"""The page of file formats, made from the formats themselves."""

from __future__ import annotations

from zhengming.label.files.formats import FORMATS

INTRO = """# File formats

Where `zhengming label` writes the implicit label and where `zhengming inspect` expects it. A label is read wherever one
is met; it is written in one place only, and a second write replaces the first. See
[labels in files](../explanation/labels-in-files.md).

| format | extensions | media types | slot | named by |
|---|---|---|---|---|
"""


def formats_page() -> str:
    """Return the whole page."""
    rows = (
        f"| {one.name} | {' '.join(f'`{each}`' for each in one.extensions)} | {', '.join(one.media_types)} "
        f"| `{one.slot}` | {one.guide or 'no official slot'} |"
        for one in FORMATS
    )
    return INTRO + "\n".join(rows) + "\n"
