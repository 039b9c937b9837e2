"""The traffic itself: visits from the script, sent over HTTP to a gateway at the pace that was asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from zhengming.demo.asking import request_of, text_of
from zhengming.demo.script import Visit, bounded, visits
from zhengming.demo.tally import BROKEN, LEFT, Tally

_AT_ONCE: Final = 400
"""Visits under way at most while a pace is kept; more would say that the gateway cannot follow."""
_WORKERS: Final = 16
_PATIENCE: Final = aiohttp.ClientTimeout(total=120)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the traffic goes. `keys` by the kind of person, `""` for everybody else; `url` ends with `/v1`."""

    url: str
    model: str
    keys: Mapping[str, str]

    def key(self, who: str) -> str:
        """Return the key with which this kind of person comes."""
        return self.keys.get(who) or self.keys[""]


@dataclass(slots=True)
class Traffic:
    """One run. `rate` messages a second, 0 as fast as possible; it ends after `turns` messages or `seconds`, or `stop`.

    0 means no bound; `told` is called after every message.
    """

    target: Target
    seed: int
    rate: float
    turns: int = 0
    seconds: float = 0.0
    told: Callable[[Tally], None] | None = None
    tally: Tally = field(default_factory=Tally)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> float:
        """Send until the end; return how many seconds it took."""
        began = time.monotonic()
        connector = aiohttp.TCPConnector(limit=_AT_ONCE)
        async with aiohttp.ClientSession(connector=connector, timeout=_PATIENCE) as session:
            alarm = asyncio.get_running_loop().call_later(self.seconds, self.stop.set) if self.seconds else None
            work = asyncio.create_task(self._paced(session) if self.rate else self._hurried(session))
            stopped = asyncio.create_task(self.stop.wait())
            try:
                await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (work, stopped):
                    task.cancel()
                results = await asyncio.gather(work, stopped, return_exceptions=True)
                if alarm is not None:
                    alarm.cancel()
        if isinstance(results[0], Exception):
            raise results[0]
        return time.monotonic() - began

    async def _paced(self, session: aiohttp.ClientSession) -> None:
        """Begin each visit at its time; a person who has begun goes on until the end of the run."""
        began = time.monotonic()
        room = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for visit in bounded(visits(self.seed, self.rate), self.turns):
                await asyncio.sleep(max(0.0, began + visit.at - time.monotonic()))
                await room.acquire()
                group.create_task(self._visit(session, visit)).add_done_callback(lambda _task: room.release())

    async def _hurried(self, session: aiohttp.ClientSession) -> None:
        """Let a few people come one after the other, each at once."""
        script = bounded(visits(self.seed, 0.0), self.turns)

        async def worker() -> None:
            for visit in script:
                await self._visit(session, visit)

        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(worker())

    async def _visit(self, session: aiohttp.ClientSession, visit: Visit) -> None:
        history: list[dict[str, str]] = []
        self.tally.visits += 1
        for number, (text, pause) in enumerate(zip(visit.turns, visit.pauses, strict=True), 1):
            await asyncio.sleep(pause)
            leaves = visit.leaves and visit.stream and number == len(visit.turns)
            answer = await self._say(session, visit, history, text, leaves=leaves)
            if answer:
                history += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]

    async def _say(
        self, session: aiohttp.ClientSession, visit: Visit, history: list[dict[str, str]], text: str, *, leaves: bool
    ) -> str:
        """Send one message and return the text of its answer, "" where there is none to go on from."""
        asked = request_of(visit, history, text, self.target.model)
        headers = {**asked.headers, "Authorization": f"Bearer {self.target.key(visit.who)}"}
        began = time.monotonic()
        answer, result = "", BROKEN
        try:
            async with session.post(self.target.url + asked.path, json=asked.body, headers=headers) as response:
                result = str(response.status)
                if leaves and response.ok:
                    await response.content.readany()
                    result = LEFT
                    response.close()
                else:
                    raw = await response.read()
                    answer = text_of(visit.api, raw, stream=visit.stream) if response.ok else ""
        except (aiohttp.ClientError, TimeoutError):
            result = BROKEN
        self.tally.note(visit, result, (time.monotonic() - began) * 1000)
        if self.told is not None:
            self.told(self.tally)
        return answer
