"""`zhengming label` and `zhengming inspect`: files in and out on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zhengming.media.inspecting import Inspection

_UNREADABLE = 2


def label(  # noqa: PLR0917 - the command line passes options by name
    file: Annotated[Path, typer.Argument(help="The file to label.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the labelled file goes; may be the same.")],
    producer: Annotated[str, typer.Option(help="Provider code of the producer (27 characters), or its ASCII name.")],
    kind: Annotated[str, typer.Option(help="1 it is generated, 2 it may be, 3 it is suspected to be.")] = "1",
    produce_id: Annotated[str, typer.Option(help="The content's number; made when not given.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Write the implicit label into a file's metadata; no stream is re-encoded, and the file is read back."""
    import json  # noqa: PLC0415 - `--help` of other commands need not pay for what follows

    from zhengming.core.ids import new_uuid  # noqa: PLC0415 - see above
    from zhengming.label.aigc import first_write  # noqa: PLC0415 - see above
    from zhengming.media.labelling import label_file  # noqa: PLC0415 - see above

    done = label_file(file, output, first_write(producer, produce_id or new_uuid(), kind))
    if as_json:
        written = [{"what": "implicit", "slot": done.slot, "official": done.official, "guide": done.guide}]
        found = {"produce_id": done.fields.produce_id, "format": done.format, "output": str(output), "written": written}
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    note = done.guide if done.official else "no official slot"
    typer.echo(f"{output}: {done.format}, {done.slot} ({note}), ProduceID {done.fields.produce_id}")


def inspect(
    files: Annotated[list[Path], typer.Argument(help="Files, or folders with all that lies in them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a file, a line each.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Say what is known about files: the implicit label, its faults, and what follows from them.

    The exit status is 2 when a file could not be read, else 0.
    """
    import json  # noqa: PLC0415 - see `label`

    from zhengming.media.inspecting import inspect_file  # noqa: PLC0415 - see `label`

    found = []
    for path in _listed(files):
        found.append(inspect_file(path))
        if as_json:
            typer.echo(json.dumps(found[-1].as_json(), ensure_ascii=False))
    if not as_json:
        _print(found)
    if any(one.error for one in found):
        raise typer.Exit(_UNREADABLE)


def _listed(files: Iterable[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file())
        else:
            yield path


def _print(found: Iterable[Inspection]) -> None:
    from rich.console import Console  # noqa: PLC0415 - see `label`
    from rich.table import Column, Table  # noqa: PLC0415 - see `label`

    table = Table(Column("file", overflow="fold", ratio=1), "format", "tier", "verdict", "faults, warnings", box=None)
    for one in found:
        said = " ".join([*one.faults, *one.warnings])
        table.add_row(str(one.path), one.format, str(one.tier), str(one.verdict), said)
    Console().print(table, markup=False)
