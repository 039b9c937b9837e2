"""The explicit label of pictures (GB 45438-2025, 5.2): words on an edge or a corner, drawn with Pillow, measured."""

from zhengming.label.visible.drawing import Stamp, VisibleOptions, compose, stamp
from zhengming.label.visible.layout import FontLacksError, NoRoomError
from zhengming.label.visible.pictures import LabelledPicture, label_picture
from zhengming.label.visible.words import VisiblePlace, VisibleStyle

__all__ = [
    "FontLacksError",
    "LabelledPicture",
    "NoRoomError",
    "Stamp",
    "VisibleOptions",
    "VisiblePlace",
    "VisibleStyle",
    "compose",
    "label_picture",
    "stamp",
]
