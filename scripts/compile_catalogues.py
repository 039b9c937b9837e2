"""Compile the gettext catalogues: every `src/zhengming/locale/*/LC_MESSAGES/*.po` becomes the `.mo` beside it.

    python scripts/compile_catalogues.py            write what is out of date
    python scripts/compile_catalogues.py --check    write nothing; exit 1 and name what is out of date

The `.mo` files are committed, so that an installed package needs no build step. Their bytes depend on the messages
alone (no dates, no tool versions in the header), so that two machines make the same file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

LOCALE_DIR = Path(__file__).resolve().parent.parent / "src" / "zhengming" / "locale"
_HEADER = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"


class _StableCatalog(Catalog):
    """A catalogue whose header says only what a reader of the `.mo` needs."""

    def __iter__(self) -> Iterator[Message]:
        """Yield the stable header, then the messages; the rule of plurals only where something has one."""
        messages = list(super().__iter__())[1:]
        plurals = f"Plural-Forms: {self.plural_forms}\n" if any(message.pluralizable for message in messages) else ""
        yield Message("", _HEADER + plurals)
        yield from messages


def compiled(po: Path) -> bytes:
    """Return the `.mo` bytes of a `.po` file; raises PoFileError when the file is malformed."""
    locale = po.parents[1].name
    catalogue = _StableCatalog(locale, charset="utf-8")
    with po.open("rb") as file:
        for message in read_po(file, locale, charset="utf-8", abort_invalid=True):
            if message.id:
                catalogue[message.id] = message
    buffer = BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def stale(locale_dir: Path = LOCALE_DIR) -> Iterator[tuple[Path, bytes]]:
    """Yield each `.mo` path that is missing or differs from its `.po`, with the bytes that belong there."""
    for po in sorted(locale_dir.glob("*/LC_MESSAGES/*.po")):
        mo = po.with_suffix(".mo")
        wanted = compiled(po)
        if not mo.is_file() or mo.read_bytes() != wanted:
            yield mo, wanted


def orphans(locale_dir: Path = LOCALE_DIR) -> list[Path]:
    """Return the `.mo` files that have no `.po` any more."""
    return [mo for mo in sorted(locale_dir.glob("*/LC_MESSAGES/*.mo")) if not mo.with_suffix(".po").is_file()]


def main(arguments: list[str] | None = None) -> int:
    """Compile, or with `--check` only compare; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a catalogue is out of date")
    options = parser.parse_args(arguments)
    try:
        outdated = list(stale())
    except PoFileError as error:
        print(f"A catalogue cannot be read: {error}. Mend the .po file and run this again.", file=sys.stderr)
        return 1
    left_over = orphans()
    for mo, wanted in outdated:
        if options.check:
            print(f"out of date: {mo.relative_to(LOCALE_DIR)}; run scripts/compile_catalogues.py", file=sys.stderr)
        else:
            mo.write_bytes(wanted)
            print(f"wrote {mo.relative_to(LOCALE_DIR)} ({len(wanted)} bytes)")
    for mo in left_over:
        print(f"no .po belongs to {mo.relative_to(LOCALE_DIR)}; remove it", file=sys.stderr)
    return 1 if left_over or (options.check and outdated) else 0


if __name__ == "__main__":
    sys.exit(main())
