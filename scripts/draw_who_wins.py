"""Draw the table of `docs/explanation/who-wins.md` from `zhengming.care.precedence`.

python scripts/draw_who_wins.py            write the table between the markers of the page
python scripts/draw_who_wins.py --check    write nothing; exit 1 when the page is out of date
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zhengming.care.precedence import TABLE, OutcomeKind, Row
from zhengming.care.step import HelpSituation

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "who-wins.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

_WORDS = {
    ("in_danger", True): "in danger",
    ("prepared_is_due", True): "a prepared text is due",
    ("detector_ok", True): "detector works",
    ("detector_ok", False): "detector down",
    ("store_ok", True): "store works",
    ("store_ok", False): "store down",
    ("safety_stop", "switched_off"): "switched off",
    ("safety_stop", "input_blocked"): "request blocked by the rules",
    ("restricted", True): "sanction, limit or quota",
    ("unscreened", True): "detector down, and going on was not chosen",
    ("upstream_ok", False): "no upstream",
    ("companion", True): "companion service",
    ("sanctioned", True): "sanction",
    ("rate_limited", True): "rate limit reached",
    ("quota_exhausted", True): "quota used up",
}


def _outcome(row: Row) -> str:
    if row.kind is OutcomeKind.REFUSE:
        return f"error {row.status} `{row.code}`"
    if row.kind is OutcomeKind.NOTICE:
        return f"notice `{row.code}` ({row.status})"
    if row.kind is OutcomeKind.SERVE:
        return "the model answers"
    text = "that of the plan" if row.situation is HelpSituation.NONE else f"`{row.situation.value}`"
    return f"prepared text: {text} ({row.status})"


def table() -> str:
    """Return the table as Markdown."""
    lines = ["| | rank | row | when | what happens | why |", "|---|---|---|---|---|---|"]
    for number, row in enumerate(TABLE, 1):
        when = ", ".join(_WORDS[condition] for condition in row.when) or "otherwise"
        lines.append(f"| {number} | {row.rank.value} | `{row.id}` | {when} | {_outcome(row)} | {row.why} |")
    return "\n".join(lines)


def drawn(page: str) -> str:
    """Return the page with the table of today between its markers; raises ValueError when a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with `--check` only compare; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is out of date")
    check = parser.parse_args(arguments).check
    page = PAGE.read_text("utf-8")
    wanted = drawn(page)
    if wanted == page:
        return 0
    if check:
        print(f"{PAGE} is out of date; run scripts/draw_who_wins.py", file=sys.stderr)
        return 1
    PAGE.write_text(wanted, "utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
