"""What is remembered of a conversation for the sake of care: levels and what help was given. No words of the person.

Fourteen bytes, however long the conversation, so that it can lie in a row of the store or travel with a lease.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zhengming.core.errors import InvalidInputError
from zhengming.core.words import CareAxis, CareLevel

_FORMAT: Final = 1
_TOP: Final = 255

# The order on the wire; a new axis is added at the end under a new format number.
_AXES: Final = (
    CareAxis.SELF_HARM,
    CareAxis.HARM_TO_OTHERS,
    CareAxis.ABUSE,
    CareAxis.PROPERTY_LOSS,
    CareAxis.DEPENDENCE,
)
_SIZE: Final = 1 + 2 * len(_AXES) + 3
_NONE: Final = (CareLevel.NONE,) * len(_AXES)


class CareStateError(InvalidInputError):
    """Stored bytes are no care state of a format known here."""

    code = "care_state_invalid"


@dataclass(frozen=True, slots=True)
class CareState:
    """The care state of one conversation; :data:`FRESH` is that of a new one.

    `levels` and `answered` hold one level an axis, in the order of CareAxis: the highest found, and the highest that a
    prepared text has answered. Levels never fall inside a conversation: "I was only joking" takes nothing back.
    `offers` counts the offers since the last prepared text, `quiet` the turns since help was last given, `turns` the
    turns since anything was first found (counted round, for the choice of words). The first two stop at 255.
    """

    levels: tuple[CareLevel, ...] = _NONE
    answered: tuple[CareLevel, ...] = _NONE
    offers: int = 0
    quiet: int = 0
    turns: int = 0

    @property
    def level(self) -> CareLevel:
        """The highest level on any axis."""
        return max(self.levels)

    def level_of(self, axis: CareAxis) -> CareLevel:
        """Return the level on one axis."""
        return self.levels[_AXES.index(axis)]

    def answered_on(self, axis: CareAxis) -> CareLevel:
        """Return the highest level on one axis that a prepared text has answered."""
        return self.answered[_AXES.index(axis)]

    def to_bytes(self) -> bytes:
        """Return the 14 bytes that stand for this state."""
        counters = (min(value, _TOP) for value in (self.offers, self.quiet, self.turns))
        return bytes((_FORMAT, *self.levels, *self.answered, *counters))

    @classmethod
    def from_bytes(cls, data: bytes) -> CareState:
        """Return the state that `to_bytes` wrote.

        Raises CareStateError for other bytes: the caller then decides for the person, and does not take them for calm.
        """
        if len(data) != _SIZE or data[0] != _FORMAT or max(data[1 : 1 + 2 * len(_AXES)]) > CareLevel.IMMINENT:
            message = f"The care state {data[:16].hex()!r} ({len(data)} bytes) is not of format {_FORMAT}."
            raise CareStateError(message, next_step="Treat the person with care until the next turn shows more.")
        count = len(_AXES)
        levels = tuple(map(CareLevel, data[1 : 1 + 2 * count]))
        return cls(levels[:count], levels[count:], *data[1 + 2 * count :])


FRESH: Final = CareState()


def replaced(values: tuple[CareLevel, ...], axis: CareAxis, level: CareLevel) -> tuple[CareLevel, ...]:
    """Return the levels with that of one axis changed."""
    place = _AXES.index(axis)
    return (*values[:place], level, *values[place + 1 :])
