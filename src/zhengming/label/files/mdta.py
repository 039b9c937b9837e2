"""The `meta` box of movies: items named by `keys` (QuickTime metadata, namespace `mdta`), and iTunes' `----` items."""

from __future__ import annotations

from typing import Final, NamedTuple

from zhengming.label.files.bmff import Box, Budget, DamagedError, boxes, content, copied, made, meta_children

NAME: Final = b"AIGC"
HANDLER: Final = b"mdta"
MAX_RAW: Final = 1_000_000
_HDLR: Final = made(b"hdlr", bytes(8), HANDLER, bytes(13))
_UTF8: Final = b"\0\0\0\1\0\0\0\0"


class Item(NamedTuple):
    """A label in a `meta` box; `keyed` when it is named by `keys`, else it is an iTunes item."""

    raw: bytes
    start: int
    end: int
    keyed: bool


def handler(view: memoryview, meta: Box, budget: Budget) -> bytes:
    """Return the kind of metadata that a `meta` box says it holds, such as `mdta` or `mdir`."""
    for child in meta_children(view, meta, budget)[1]:
        if child.kind == b"hdlr":
            return bytes(view[child.body + 8 : min(child.body + 12, child.end)])
    return b""


def labels(view: memoryview, meta: Box, budget: Budget) -> list[Item]:
    """Return every label of a `meta` box. Raises DamagedError."""
    found: list[Item] = []
    children = meta_children(view, meta, budget)[1]
    keys = [key for child in children if child.kind == b"keys" for key in _keys(view, child, budget)]
    ours = {number for number, key in enumerate(keys, 1) if _is_ours(key)}
    for child in children:
        if child.kind != b"ilst":
            continue
        for item in boxes(view, child.body, child.end, budget):
            keyed = int.from_bytes(item.kind, "big") in ours
            if keyed or (item.kind == b"----" and _name(view, item, budget) == NAME):
                found += [Item(raw, item.start, item.end, keyed) for raw in _values(view, item, budget)]
    return found


def fresh(value: bytes) -> bytes:
    """Return a new `meta` box with this label only."""
    return made(b"meta", bytes(4), _HDLR, *_added([], b"", value))


def relabelled(view: memoryview, meta: Box, value: bytes | None, budget: Budget) -> bytes:
    """Return a `meta` box without its labels, and with `value` where one is given; all else stays in its order.

    Raises DamagedError.
    """
    start, children = meta_children(view, meta, budget)
    listed = [key for child in children if child.kind == b"keys" for key in _keys(view, child, budget)]
    kept = [key for key in listed if not _is_ours(key)]
    numbers = _numbers(listed)
    parts: list[bytes] = [bytes(view[meta.body : start])]
    items = b""
    place = 0
    for child in children:
        if child.kind == b"keys":
            continue
        if child.kind == b"ilst":
            items += b"".join(_items(view, child, numbers, budget))
            place = place or len(parts)
        else:
            parts.append(copied(view, child))
    place = place or len(parts)
    held = any(child.kind == b"ilst" for child in children)
    if value is not None:
        parts[place:place] = _added(kept, items, value)
    else:
        parts[place:place] = [*([_keys_box(kept)] if listed else []), *([made(b"ilst", items)] if held else [])]
    parts.append(bytes(view[children[-1].end if children else start : meta.end]))
    return made(b"meta", *parts)


def _added(kept: list[bytes], items: bytes, value: bytes) -> list[bytes]:
    number = len(kept) + 1
    item = made(number.to_bytes(4, "big"), made(b"data", _UTF8, value))
    return [_keys_box([*kept, made(HANDLER, NAME)]), made(b"ilst", items, item)]


def _keys_box(keys: list[bytes]) -> bytes:
    return made(b"keys", bytes(4), len(keys).to_bytes(4, "big"), *keys)


def _keys(view: memoryview, box: Box, budget: Budget) -> list[bytes]:
    """Return the entries of a `keys` box, each as it stands: size, namespace, name."""
    entries = [bytes(view[one.start : one.end]) for one in boxes(view, min(box.body + 8, box.end), box.end, budget)]
    if len(content(view, box)) < 8 or len(entries) != int.from_bytes(view[box.body + 4 : box.body + 8], "big"):  # noqa: PLR2004
        message = f"The keys at byte {box.start} are not as many as they say."
        raise DamagedError(message)
    return entries


def _is_ours(key: bytes) -> bool:
    return key[4:] == HANDLER + NAME


def _numbers(keys: list[bytes]) -> dict[int, int]:
    """Return for each key that stays its new number."""
    stay = [number for number, key in enumerate(keys, 1) if not _is_ours(key)]
    return {old: new for new, old in enumerate(stay, 1)}


def _items(view: memoryview, ilst: Box, numbers: dict[int, int], budget: Budget) -> list[bytes]:
    """Return the items that stay, numbered anew. An item whose number no key has would become a label: it goes."""
    stay: list[bytes] = []
    for item in boxes(view, ilst.body, ilst.end, budget):
        raw = copied(view, item)
        number = int.from_bytes(item.kind, "big")
        if item.kind == b"----" and _name(view, item, budget) == NAME:
            continue
        if number >> 16:
            stay.append(raw)
        elif number in numbers:
            stay.append(raw[:4] + numbers[number].to_bytes(4, "big") + raw[8:])
    return stay


def _name(view: memoryview, item: Box, budget: Budget) -> bytes:
    for child in boxes(view, item.body, item.end, budget):
        if child.kind == b"name":
            return bytes(view[min(child.body + 4, child.end) : min(child.end, child.body + 64)])
    return b""


def _values(view: memoryview, item: Box, budget: Budget) -> list[bytes]:
    return [
        bytes(view[min(child.body + 8, child.end) : child.end][:MAX_RAW])
        for child in boxes(view, item.body, item.end, budget)
        if child.kind == b"data"
    ]
