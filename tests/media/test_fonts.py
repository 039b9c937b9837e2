"""Finding a font: what is installed is found, and what is missing is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhengming.media.fonts import FontMissingError, _find, load_font


def test_an_installed_font_draws_the_label_in_simplified_chinese() -> None:
    family = load_font().getname()[0] or ""

    assert family
    assert "JP" not in family


def test_without_fonts_the_package_to_install_is_named(tmp_path: Path) -> None:
    with pytest.raises(FontMissingError, match="fonts-noto-cjk"):
        _find((tmp_path,), chinese=True)


def test_a_file_that_is_no_font_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.ttf").write_bytes(b"no font")
    with pytest.raises(FontMissingError, match="cannot be loaded"):
        load_font(tmp_path / "a.ttf")
