"""Live parts of the console's pages: a stream that also ends when its reader's session does."""

from __future__ import annotations

from starlette.responses import Response

from zhengming.console.asked import Asked
from zhengming.console.guard import signed_in
from zhengming.core.words import Permission
from zhengming.web.live import Produce, events


def follow(asked: Asked, needs: Permission, produce: Produce, *, every: float) -> Response:
    """Answer with what `produce` gives every `every` seconds, while the reader is signed in and may see it."""

    async def alive() -> bool:
        found = await signed_in(asked.console, asked.request)
        return found is not None and needs in found[0].permissions

    reader = "" if asked.staff is None else asked.staff.id
    return events(produce, every=every, request=asked.request, alive=alive, reader=reader)
