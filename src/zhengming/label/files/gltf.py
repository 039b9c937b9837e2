"""glTF and GLB: a packet of `KHR_xmp_json_ld` with the property `TC260:AIGC`, which the asset refers to.

No guide names a slot for scenes. Only the members `extensions`, `extensionsUsed` and `asset` are written anew; buffers
and every other member stay byte for byte. The lengths in a GLB are mended.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Final

from zhengming.label.aigc import AigcFields
from zhengming.label.files.base import (
    MAX_SITES,
    Buffer,
    FileFault,
    Scan,
    Site,
    Splice,
    UnreadableFileError,
    faults_of,
    joined,
)
from zhengming.label.files.json_file import JsonFile, JsonObject
from zhengming.label.files.texts import Text
from zhengming.label.files.xmp import NAMESPACE

EXTENSION: Final = "KHR_xmp_json_ld"
PROPERTY: Final = "TC260:AIGC"
MAX_MEMBER: Final = 16_000_000

_HEAD: Final = struct.Struct("<4sLLL4s")
_NEXT: Final = "Export the scene again."


class Gltf:
    """The two forms of glTF 2.0."""

    name = "gltf"
    media_types = ("model/gltf+json", "model/gltf-binary")
    extensions = (".gltf", ".glb")
    slot = "gltf.KHR_xmp_json_ld"
    guide = ""

    def recognises(self, head: bytes) -> bool:
        """Whether it is a GLB, or JSON, of which the name must say more."""
        return head.startswith(b"glTF") or JsonFile().recognises(head)

    def scan(self, data: Buffer) -> Scan:
        """Find the property in every packet."""
        try:
            start, end = _scene(data)
            scene = JsonObject(Text(memoryview(data)[start:end]))
            packets = _packets(_member(scene, "extensions", {}))
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        values = [value for one in packets for key, value in one.items() if _is_label(key)][:MAX_SITES]
        sites = tuple(Site(self.slot, _raw(value), start, end, official=False) for value in values)
        return Scan(sites, faults_of(sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the property into the asset's packet, which is made where there is none."""
        value = fields.to_json().decode("ascii")
        start, end = _scene(data)
        view = memoryview(data)[start:end]
        scene = JsonObject(Text(view))
        changed = _labelled(scene, value)
        splices = [_spliced(scene, changed)] if changed else []
        for name, new in changed.items():
            splices += [Splice(one.value, one.end, _dumped(new)) for one in scene.named(name)]
        if start == 0:
            return splices
        text = joined(view, splices)
        text += b" " * (-len(text) % 4)
        head = _HEAD.pack(b"glTF", 2, len(memoryview(data)) + len(text) - (end - start), len(text), b"JSON")
        return [Splice(0, start, head), Splice(start, end, text)]


def _scene(data: Buffer) -> tuple[int, int]:
    """Return where the JSON lies."""
    view = memoryview(data)
    if bytes(view[:4]) != b"glTF":
        return 0, len(view)
    if len(view) < _HEAD.size:
        raise UnreadableFileError("The GLB is cut off.", next_step=_NEXT)
    _, version, total, length, kind = _HEAD.unpack_from(view)
    if version != 2 or kind != b"JSON" or total != len(view) or _HEAD.size + length > total:  # noqa: PLR2004 - glTF 2.0
        raise UnreadableFileError("The GLB is cut off or not of version 2.", next_step=_NEXT)
    return _HEAD.size, _HEAD.size + length


def _member(scene: JsonObject, name: str, default: Any) -> Any:
    """Return a member's value. Raises UnreadableFileError for two of one name, and for one of another kind."""
    found = scene.named(name)
    if not found:
        return default
    raw = scene.text.raw(found[0].value, found[0].end)
    try:
        value = json.loads(raw) if len(raw) <= MAX_MEMBER else None
    except (ValueError, RecursionError):
        value = None
    if len(found) > 1 or not isinstance(value, type(default)):
        raise UnreadableFileError(f"The member {name!r} of the scene cannot be read.", next_step=_NEXT)
    return value


def _packets(extensions: dict[str, Any]) -> list[dict[str, Any]]:
    ours = extensions.get(EXTENSION)
    packets = ours.get("packets") if isinstance(ours, dict) else None
    return [one for one in packets if isinstance(one, dict)] if isinstance(packets, list) else []


def _is_label(key: str) -> bool:
    return key.rpartition(":")[2] == "AIGC"


def _raw(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _labelled(scene: JsonObject, value: str) -> dict[str, Any]:
    """Return the three members as they shall be."""
    if scene.text.wide or not scene.named("asset"):
        raise UnreadableFileError("The JSON is no glTF scene in UTF-8.", next_step=_NEXT)
    extensions, asset = _member(scene, "extensions", {}), _member(scene, "asset", {})
    used = _member(scene, "extensionsUsed", [])
    for one in _packets(extensions):
        for key in [key for key in one if _is_label(key)]:
            del one[key]
    ours = _within(extensions, EXTENSION)
    packets = ours.setdefault("packets", [])
    referred = _within(_within(asset, "extensions"), EXTENSION)
    number = referred.get("packet")
    if not isinstance(packets, list) or (number is not None and not _is_packet(packets, number)):
        raise UnreadableFileError(f"The scene's {EXTENSION} refers to no packet.", next_step=_NEXT)
    if number is None:
        number = referred["packet"] = len(packets)
        packets.append({"@context": {}})
    packet = packets[number]
    context = packet.setdefault("@context", {})
    if not isinstance(context, dict):
        raise UnreadableFileError("The packet of the scene has a context that is no object.", next_step=_NEXT)
    context["TC260"] = NAMESPACE
    packet[PROPERTY] = value
    used += [] if EXTENSION in used else [EXTENSION]
    return {"extensionsUsed": used, "extensions": extensions, "asset": asset}


def _is_packet(packets: list[Any], number: Any) -> bool:
    return type(number) is int and 0 <= number < len(packets) and isinstance(packets[number], dict)


def _within(parent: dict[str, Any], name: str) -> dict[str, Any]:
    child = parent.setdefault(name, {})
    if not isinstance(child, dict):
        raise UnreadableFileError(f"The member {name!r} of the scene is no object.", next_step=_NEXT)
    return child


def _spliced(scene: JsonObject, changed: dict[str, Any]) -> Splice:
    """Return the splice that adds the members which are not there yet; there is always `asset` behind them."""
    at = scene.open + 1
    new = [_dumped(name) + b":" + _dumped(value) + b"," for name, value in changed.items() if not scene.named(name)]
    return Splice(scene.text.at(at), scene.text.at(at), b"".join(new))


def _dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
