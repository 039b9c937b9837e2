"""What this installation is made of, read from the installed packages: names, versions, licences."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import metadata, resources
from typing import Final, NamedTuple

PRODUCT: Final = "zhengming"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST: Final = 80


class Part(NamedTuple):
    """One part: its name, its version, its licence as an SPDX expression or in its author's words."""

    name: str
    version: str
    licence: str


@cache
def installed() -> tuple[Part, ...]:
    """Return every package that the product needs, directly or through another, as it is installed here."""
    found: dict[str, Part] = {}
    waiting = _needed_by(PRODUCT)
    while waiting:
        name = waiting.pop()
        try:
            found[name] = Part(name, metadata.version(name), licence_of(name))
        except metadata.PackageNotFoundError:  # only needed on another platform or Python
            continue
        waiting |= _needed_by(name) - found.keys()
    return tuple(found[name] for name in sorted(found))


@cache
def vendored() -> tuple[Part, ...]:
    """Return the web parts that are contained in the product; their licence texts lie beside them."""
    text = resources.files("zhengming.web").joinpath("static", "vendor", "vendored.json").read_text("utf-8")
    return tuple(Part(one["file"], one["version"], one["licence"]) for one in json.loads(text))


def licence_of(name: str) -> str:
    """Return the licence of an installed package: its SPDX expression, else its classifiers, else its own words."""
    facts = metadata.metadata(name)
    if "License-Expression" in facts:
        return facts["License-Expression"]
    own = next(iter(facts.get_all("License") or ()), "")
    kinds = [one.rpartition(" :: ")[2] for one in facts.get_all("Classifier") or () if one.startswith("License ::")]
    first = next((line.strip() for line in own.splitlines() if line.strip()), "")
    return ", ".join(kinds) or first[:_LONGEST]


def _needed_by(name: str) -> set[str]:
    """Return the names that a package asks for, those of its extras left out."""
    wanted = metadata.requires(name) or ()
    names = (_NAME.match(need) for need in wanted if "extra ==" not in need)
    return {re.sub(r"[-_.]+", "-", found[0]).lower() for found in names if found is not None}
