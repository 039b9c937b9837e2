"""What can go wrong with services, keys, switches and limits."""

from __future__ import annotations

from zhengming.core.errors import ConflictError


class FrozenError(ConflictError):
    """A freeze of changes is in force; nothing was changed."""

    code = "changes_frozen"


class ChangedMeanwhileError(ConflictError):
    """Somebody else changed the thing since it was read; nothing was overwritten."""

    code = "changed_meanwhile"
