"""Every locked package has a licence from the allow list; none of the product is under the GPL."""

from __future__ import annotations

import re
import tomllib
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = re.compile(
    r"^(MIT|MIT-0|MIT-CMU|BSD|BSD-2-Clause|BSD-3-Clause|0BSD|Apache-2\.0|Apache|ISC|PSF-2\.0|Python-2\.0|Python|MPL-2\.0|MPL|Unlicense|Zlib|CC0-1\.0|LGPL-3\.0-only)$"
)
# Metadata that names its licence in words, or the one LGPL library that design and NOTICE name.
SPELLINGS = {
    "apache software license": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "mit license": "MIT",
    "the mit license": "MIT",
    "bsd license": "BSD",
    "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "isc license": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "the unlicense (unlicense)": "Unlicense",
    "psfl": "PSF-2.0",
    "new bsd license": "BSD-3-Clause",
}
# Oracles that tests or benchmarks run and that are never installed with the product: name -> licence.
ORACLES = {"mutagen": "GPL-2.0-or-later", "pymerkle": "GPL-3.0-or-later"}


def locked() -> dict[str, dict[str, object]]:
    """The packages of the lock file by name."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return {package["name"]: package for package in lock["package"]}


def product_closure() -> set[str]:
    """Names that a user gets with the product and all its extras."""
    packages = locked()
    seen: set[str] = set()
    waiting = ["zhengming"]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        package = packages[name]
        optional = package.get("optional-dependencies", {})
        groups = [package.get("dependencies", []), *(optional.values() if isinstance(optional, dict) else [])]
        waiting += [dependency["name"] for group in groups if isinstance(group, list) for dependency in group]
    return seen


def licences_of(name: str) -> list[str]:
    """SPDX ids that the installed metadata names, from the expression or else the classifiers."""
    meta: Message = metadata.metadata(name)  # type: ignore[assignment]  # it is one; typeshed promises less
    expression = meta.get("License-Expression")
    if expression:
        return [part for part in re.split(r"\s+(?:OR|AND)\s+|[()]", expression) if part and not part.startswith("WITH")]
    words = [line.rsplit(" :: ", 1)[-1] for line in meta.get_all("Classifier") or [] if line.startswith("License ::")]
    words = [word for word in words if word not in {"OSI Approved", "DFSG approved"}] or [meta.get("License") or ""]
    if words == [""]:
        words = [first_line_of_licence(name)]
    words = [part for word in words for part in re.split(r"\s+OR\s+", word)]
    return [SPELLINGS.get(word.strip().lower(), word.strip()) for word in words]


def first_line_of_licence(name: str) -> str:
    """The heading of the licence file, for metadata that names no licence but ships its text."""
    files = [path for path in metadata.files(name) or [] if path.name.upper().startswith("LICEN")]
    lines = files[0].read_text(encoding="utf-8").strip().splitlines() if files else [""]
    return lines[0].strip()


def installed() -> list[str]:
    """The locked packages that this platform installs."""
    present = {(dist.name or "").lower().replace("_", "-") for dist in metadata.distributions()}
    return sorted(name for name in locked() if name in present and name != "zhengming")


@pytest.mark.parametrize("name", installed())
def test_a_locked_package_has_an_allowed_licence(name: str) -> None:
    if name in ORACLES:
        assert name not in product_closure(), f"{name} is an oracle and must not come with the product"
        return
    found = licences_of(name)

    assert found
    assert [licence for licence in found if not ALLOWED.match(licence)] == [], f"{name}: {found}"


def test_no_package_of_the_product_is_under_the_gpl() -> None:
    present = set(installed())
    named = {name: licences_of(name) for name in product_closure() & present}

    assert len(named) > 20, "the product's packages are installed where tests run"
    assert {name for name, found in named.items() if any(re.match(r"A?GPL", licence) for licence in found)} == set()
