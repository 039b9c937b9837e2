"""Whether there is a gateway, and whether it has heard of the key: a key made a moment ago is known within a second."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import aiohttp

from zhengming.core.errors import UnavailableError

_PATIENCE: Final = 5.0
_EVERY: Final = 0.1
_UNAUTHORIZED: Final = 401


async def reached(url: str, key: str) -> None:
    """Wait until the gateway knows the key. Raises UnavailableError when it is not there or does not."""
    until = time.monotonic() + _PATIENCE
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as session:
        while True:
            try:
                async with session.get(f"{url}/models", headers={"Authorization": f"Bearer {key}"}) as answer:
                    if answer.status != _UNAUTHORIZED:
                        return
            except (aiohttp.ClientError, TimeoutError) as error:
                raise UnavailableError(
                    f"No gateway answers at {url}.", next_step="Start one (`make run`), or name its --url with /v1."
                ) from error
            if time.monotonic() > until:
                raise UnavailableError(
                    f"The gateway at {url} does not know the key.",
                    next_step="Check that --data is the folder that this gateway serves from, or give another --key.",
                )
            await asyncio.sleep(_EVERY)
