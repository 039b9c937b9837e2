"""glTF and GLB: one property in the asset's packet, buffers and other members as they were."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.label import first_write, propagated, read
from zhengming.label.files.base import FileFault, UnreadableFileError, joined
from zhengming.label.files.formats import recognise
from zhengming.label.files.gltf import EXTENSION, Gltf

FIELDS = first_write("Lin's", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11", reserved_code1='{"a":{}}')
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
GLTF = Gltf()
BARE = b'{ "asset" : {"version":"2.0"}, "nodes":[{"scale":[1.50,1e0,1]}], "buffers":[{"byteLength":8}]}'
FULL = (
    b'{"extensionsUsed":["KHR_lights_punctual"],"extensions":{"KHR_lights_punctual":{"lights":[{"intensity":0.1}]},'
    b'"KHR_xmp_json_ld":{"packets":[{"@context":{"dc":"d"},"dc:title":"x","TC260:AIGC":"{}"},{"AIGC":{"a":1}}]}},'
    b'"asset":{"version":"2.0","extensions":{"KHR_xmp_json_ld":{"packet":0}}}}'
)


def binary(scene: bytes) -> bytes:
    scene += b" " * (-len(scene) % 4)
    rest = struct.pack("<L4s", 8, b"BIN\0") + b"12345678"
    return struct.pack("<4sLLL4s", b"glTF", 2, 20 + len(scene) + len(rest), len(scene), b"JSON") + scene + rest


def parsed(data: bytes) -> dict[str, Any]:
    if not data.startswith(b"glTF"):
        return dict(json.loads(data))
    total, length = struct.unpack("<LL", data[8:16])
    assert (total, length % 4) == (len(data), 0)
    assert data[20 + length :] == struct.pack("<L4s", 8, b"BIN\0") + b"12345678"
    return dict(json.loads(data[20 : 20 + length]))


@pytest.mark.parametrize("scene", [BARE, FULL], ids=["bare", "full"])
@pytest.mark.parametrize("glb", [False, True])
def test_the_asset_refers_to_the_one_label(scene: bytes, *, glb: bool) -> None:
    before = binary(scene) if glb else scene
    once = joined(before, GLTF.write(before, FIELDS))
    twice = joined(once, GLTF.write(once, MOVED))
    found = parsed(twice)
    packet = found["extensions"][EXTENSION]["packets"][found["asset"]["extensions"][EXTENSION]["packet"]]

    assert packet["TC260:AIGC"] == MOVED.to_json().decode()
    assert found["extensionsUsed"].count(EXTENSION) == 1
    (site,) = GLTF.scan(twice).sites
    assert (site.official, read(site.raw).fields) == (False, MOVED)
    assert found["asset"]["version"] == "2.0"
    assert scene is FULL or b'"nodes":[{"scale":[1.50,1e0,1]}]' in twice
    assert scene is BARE or (packet["dc:title"], found["extensions"]["KHR_lights_punctual"]) == (
        "x",
        {"lights": [{"intensity": 0.1}]},
    )
    assert recognise(before, "a.glb" if glb else "a.gltf").name == "gltf"


@pytest.mark.parametrize(
    "scene", [b"{}", b"[]", b'{"asset":1}', FULL.replace(b'"packet":0', b'"packet":9'), binary(BARE)[:-1], b"glTF",
              b'{"asset":{},"extensions":' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
    ids=range(7),
)  # fmt: skip
def test_what_is_no_scene_is_refused(scene: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        GLTF.write(scene, FIELDS)
    assert GLTF.scan(scene).faults in {(), (FileFault.MALFORMED,), (FileFault.DUPLICATE_LABEL,)}


WHOLE = binary(FULL)


@settings(derandomize=True)
@given(st.lists(st.tuples(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(0, 255)), max_size=4))
def test_flipped_bytes_are_answered(flips: list[tuple[int, int]]) -> None:
    broken = bytearray(WHOLE)
    for place, value in flips:
        broken[place] = value
    GLTF.scan(broken)
    try:
        labelled = joined(broken, GLTF.write(broken, FIELDS))
    except UnreadableFileError:
        return
    assert [read(site.raw).fields for site in GLTF.scan(labelled).sites] == [FIELDS]
