"""What the tests of picture formats share: pictures with metadata, and the label in the places where it is met."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from PIL import Image, ImageCms

from zhengming.label import first_write, propagated

FIELDS = first_write("001191999999GUJ65RGF1M1A001", "3f0c8a1e-7f1b-4d0e-9a52-0b6e1f0f9c11")
MOVED = propagated(FIELDS, "001191999999LKR53E944J2P001", "post-1")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (24, 16), **how: Any) -> bytes:
    """Return a picture of noise, the same at every call."""
    depth = len(Image.new(mode, (1, 1)).tobytes())
    noise = Image.frombytes(mode, size, hashlib.shake_128(mode.encode()).digest(size[0] * size[1] * depth))
    made = io.BytesIO()
    noise.save(made, kind, **how)
    return made.getvalue()


def pixels(data: bytes) -> list[bytes]:
    """Return the pixels of every frame."""
    with Image.open(io.BytesIO(data)) as image:
        frames = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            frames.append(image.convert("RGBA").tobytes())
        return frames
