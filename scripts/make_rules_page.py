"""Write docs/reference/rules.md from the library, the policy, the validators and the scorers that ship.

python scripts/make_rules_page.py            write the page if it is out of date
python scripts/make_rules_page.py --check    write nothing; exit 1 when it is out of date

The page says what each rule finds, never the phrases themselves: they stand in the rule files, and a reference page
should not have to be read with care for oneself.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from zhengming.core.words import Audience, Category, Surface, Verdict
from zhengming.screen.defaults import load_default_library, load_default_policy, load_default_scorers
from zhengming.screen.policy import Policy
from zhengming.screen.rule import ALL_SURFACES, Rule
from zhengming.screen.validators import VALIDATORS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "rules.md"
HEAD = """<!-- Made by scripts/make_rules_page.py from the rule files, the policy and the scorers; do not edit. -->

# Rules, policy and scorers that ship

What each rule finds and what is done about it. The phrases themselves stand in `src/zhengming/screen/library/`, each
rule with examples and counter-examples that are run as tests. Why it is built so:
[Rules and policy](../explanation/rules-and-policy.md). Severity: 1 a trace, 2 a sign, 3 serious, 4 unmistakable and
grave; 0 is a harmless phrase that takes back what lies inside it.
"""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines) + "\n"


def first_line(thing: object) -> str:
    """Return the first sentence of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def rules_part(rules: Iterable[Rule]) -> str:
    """One table a category."""
    parts = ["## Rules\n"]
    ordered = sorted(rules, key=lambda rule: (list(Category).index(rule.category), rule.id))
    for category, group in groupby(ordered, key=lambda rule: rule.category):
        parts.append(f"### `{category}`\n\n{category.meaning}\n")
        head = ("rule", "severity", "surfaces", "finds by", "what it finds")
        parts.append(table(head, (_rule_row(rule) for rule in group)))
    return "\n".join(parts)


def _rule_row(rule: Rule) -> tuple[str, ...]:
    surfaces = "all" if rule.surfaces == ALL_SURFACES else ", ".join(s for s in Surface if s in rule.surfaces)
    if rule.literals:
        by = f"{len(rule.literals)} phrases"
    else:
        by = "expression" + (f", `{rule.validator}`" if rule.validator else "")
    mask = f" Mask: `{rule.mask}`." if rule.mask else ""
    return f"`{rule.id}`", str(rule.severity), surfaces, by, rule.note + mask


def policy_part(policy: Policy) -> str:
    """One row a category and surface: the verdict for each severity, audiences apart where they differ."""
    rows: list[tuple[str, ...]] = []
    for category in Category:
        for surface in Surface:
            lines: dict[tuple[Verdict, ...], list[Audience]] = {}
            for audience in Audience:
                lines.setdefault(_verdicts(policy, category, surface, audience), []).append(audience)
            for line, audiences in lines.items():
                who = "any" if len(audiences) == len(Audience) else ", ".join(audiences)
                rows.append((f"`{category}`", surface.value, who, *line))
    special = [row for row in policy.rows if row.rules]
    text = f"## Policy `{policy.id}`\n\n" + table(("category", "surface", "audience", "1", "2", "3", "4"), rows)
    text += "\nRules whose id begins with one of these have rows of their own, which come later and win:\n\n"
    return text + table(
        ("rules", "category", "surface", "audience", "from severity", "verdict"),
        (
            (f"`{row.rules}`", *(word or "any" for word in row[:3]), str(row.min_severity), row.verdict)
            for row in special
        ),
    )


def _verdicts(policy: Policy, category: Category, surface: Surface, audience: Audience) -> tuple[Verdict, ...]:
    return tuple(policy.look_up(category, severity, "", surface, audience) for severity in range(1, 5))


def page() -> str:
    """Return the whole page."""
    validators = table(
        ("validator", "what passes"), ((f"`{name}`", first_line(check)) for name, check in VALIDATORS.items())
    )
    scorers = "\n".join(
        f"### `{scorer.id}`\n\nCategory `{scorer.category}`, severity {scorer.severity}, threshold {scorer.threshold}. "
        "The weights of the groups seen in the window are added up.\n\n"
        + table(
            ("group", "weight", "cues"),
            ((group.name, f"{group.weight:+.1f}", str(len(group.cues))) for group in scorer.groups),
        )
        for scorer in load_default_scorers()
    )
    parts = (
        HEAD,
        rules_part(load_default_library().rules),
        policy_part(load_default_policy()),
        "## Validators\n\nThe second look at what an expression found.\n\n" + validators,
        "## Scorers\n\nMany weak signs weighed together. A score owns no span and never refuses alone.\n\n" + scorers,
    )
    return "\n".join(parts)


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = page()
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    if check:
        print(f"{PAGE} is out of date; run scripts/make_rules_page.py", file=sys.stderr)
        return 1
    PAGE.write_text(text, "utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
