"""Write the reference pages that are made from the code, and run the scripts that draw the others.

python scripts/make_docs.py            write what is out of date
python scripts/make_docs.py --check    write nothing; exit 1 and name what is out of date
"""

from __future__ import annotations

import argparse
import enum
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer.main

from api_page import api_page
from formats_page import formats_page
from measured_page import measured_page
from zhengming.accounts import conversations, reports
from zhengming.app import settings
from zhengming.app.cli import GROUPS, build
from zhengming.console.pages import PAGES as CONSOLE
from zhengming.core import words
from zhengming.gateway import records
from zhengming.gateway.asgi import ROUTES
from zhengming.gateway.metrics import Metrics

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
DRAWN_BY = ("draw_who_wins.py", "make_rules_page.py", "make_rehearsal_page.py")
HEAD = "<!-- Made by scripts/make_docs.py; change the code, then run `make docs`. -->\n\n"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def words_page() -> str:
    """Every enumeration with the meaning of its members."""
    text = "# Words\n\nEvery id that stands in rows, ledger entries, rule files and the API.\n"
    for module in (words, records, conversations, reports):
        for name, word in vars(module).items():
            if not isinstance(word, type) or not issubclass(word, enum.Enum) or word.__module__ != module.__name__:
                continue
            members = list(word)
            if not members:
                continue
            text += f"\n## {name}\n\n{(word.__doc__ or '').strip()}\n\n"
            text += _table(
                ("id", "meaning"),
                ((f"`{one.value}`", getattr(one, "meaning", one.name.lower().replace("_", " "))) for one in members),
            )
    return text


def settings_page() -> str:
    """Every setting with its variable, default and meaning."""
    rows = (
        (
            f"`{settings.variable(one)}`",
            f"`{one.default!r}`" if one.default not in {"", ()} else "",
            _meaning(one.metadata),
        )
        for one in fields(settings.Settings)
    )
    intro = (
        "# Settings\n\nThe command line wins over the environment, the environment over the default.\n"
        "Keys of upstreams: see [connect a model](../how-to/connect-a-model.md). `ZHENGMING_MASTER_KEY` and\n"
        "`ZHENGMING_LEDGER_KEY` replace the key files in the data folder, see [ledger](../explanation/ledger.md).\n\n"
    )
    return intro + _table(("variable", "default", "meaning"), rows)


def _meaning(metadata: Mapping[str, Any]) -> str:
    choices = metadata["choices"]
    return str(metadata["meaning"]) + (f" One of {', '.join(f'`{one}`' for one in choices)}." if choices else "")


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{path} {name}")


def commands_page() -> str:
    """Every command with its options, as `--help` tells them."""
    text = "# Commands\n\nEach command explains itself with `--help`.\n"
    for path, command in _commands(typer.main.get_command(build(GROUPS)), "zhengming"):
        text += f"\n## `{path}`\n\n{(command.help or '').strip()}\n"
        rows = [
            (" ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts)), getattr(one, "help", "") or "")
            for one in command.params
            if "--help" not in one.opts
        ]
        if rows:
            text += "\n" + _table(("option or argument", "meaning"), iter(rows))
    return text


def routes_page() -> str:
    """Every route."""
    intro = (
        '# Routes\n\nErrors have OpenAI\'s shape: `{"error": {"message", "type", "param", "code"}}`.\n'
        "Request headers: `X-Zhengming-User` (the end user, before the body's `user`), `X-Zhengming-Conversation`,\n"
        "`X-Zhengming-Persona`. Response headers of a turn: `X-AIGC-*` (the label beside the text),\n"
        "`X-Zhengming-Conversation`, `X-Zhengming-Verdict`.\n\n"
    )
    own = _table(("method", "path", "meaning"), ((one.method, f"`{one.path}`", one.meaning) for one in ROUTES))
    pages = _table(
        ("method", "path", "permission", "meaning"),
        ((one.method, f"`{one.path}`", f"`{one.needs}`" if one.needs else "", one.meaning) for one in CONSOLE),
    )
    return (
        f"{intro}{own}\n## The console\n\nPages for people who sign in; a page without a permission is open to all.\n"
        f"The rest of `/api` is the [management API](api.md).\n\n{pages}"
    )


def metrics_page() -> str:
    """Every metric of a gateway process."""
    rows = (
        (f"`{family.name}{'_total' if family.type == 'counter' else ''}`", family.type, family.documentation)
        for family in Metrics().registry.collect()
    )
    return "# Metrics\n\n`GET /metrics` gives them in Prometheus' text form.\n\n" + _table(
        ("name", "kind", "meaning"), rows
    )


PAGES: dict[str, Callable[[], str]] = {
    "reference/words.md": words_page,
    "reference/settings.md": settings_page,
    "reference/commands.md": commands_page,
    "reference/routes.md": routes_page,
    "reference/api.md": api_page,
    "reference/formats.md": formats_page,
    "reference/metrics.md": metrics_page,
    "explanation/measured.md": measured_page,
}


def main() -> int:
    """Write or check every page; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is out of date")
    check = parser.parse_args().check
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, HEAD + make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for script in DRAWN_BY:
        arguments = [sys.executable, str(ROOT / "scripts" / script), *(["--check"] if check else [])]
        if subprocess.run(arguments, check=False).returncode:
            stale.append(script)
    if check and stale:
        print(f"Out of date: {', '.join(stale)}. Run `make docs`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
