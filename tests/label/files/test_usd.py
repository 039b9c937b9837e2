"""USD as text: one entry of the layer's own data, the scene byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files.base import UnreadableFileError, joined
from zhengming.label.files.formats import recognise
from zhengming.label.files.usd import Usda

FIELDS = first_write("Lin's", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='{"a":{}}')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
USDA = Usda()
SCENE = b'\ndef Xform "A" (\n    customLayerData = { string AIGC = "no" }\n)\n{\n}\n'
LAYERS = [
    b"#usda 1.0" + SCENE,
    b'#usda 1.0\n(\n    """A "doc" (with) \\""""\n    upAxis = "Y" # (\n)' + SCENE,
    b"#usda 1.0\n(\n    customLayerData = {\n        string a = '{'\n        string AIGC = \"{}\"\n"
    b'        dictionary d = { string AIGC = "x" }\n    }\n    subLayers = [@a(b.usda@]\n)' + SCENE,
]


@pytest.mark.parametrize("layer", LAYERS, ids=range(3))
def test_one_entry_is_left_and_the_scene_stays(layer: bytes) -> None:
    once = joined(layer, USDA.write(layer, FIELDS))
    twice = joined(once, USDA.write(once, MOVED))

    (site,) = USDA.scan(twice).sites
    assert (site.official, read(site.raw).fields) == (False, MOVED)
    assert once.endswith(SCENE)
    assert twice.endswith(SCENE)
    assert recognise(layer, "a.usda").name == "usda"


@pytest.mark.parametrize("layer", [b"PXR-USDC\0", b"#usda 1.0\n(", b'#usda 1.0\n(a = "', b""])
def test_other_forms_and_broken_layers_are_refused(layer: bytes) -> None:
    with pytest.raises(UnreadableFileError, match="USD"):
        USDA.write(layer, FIELDS)
    assert USDA.scan(layer).faults != ()


@settings(derandomize=True)
@given(
    st.lists(
        st.sampled_from(sorted({bytes([one]) for one in b"(){}[]=\"'@#\\ \n"} | {b"AIGC", b"customLayerData"})),
        max_size=30,
    )
)
def test_any_bytes_are_answered(pieces: list[bytes]) -> None:
    data = b"#usda 1.0\n" + b"".join(pieces)
    USDA.scan(data)
    try:
        USDA.write(data, FIELDS)
    except UnreadableFileError:
        return
