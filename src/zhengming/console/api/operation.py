"""What an operation of the API is, and what its function is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeVar, cast

from fastapi import Depends
from starlette.requests import Request

from zhengming.console.context import Console
from zhengming.core.words import Permission
from zhengming.gateway.context import Gateway
from zhengming.store import Tx

Result = TypeVar("Result")


class Operation(NamedTuple):
    """One operation: where it is, what a token needs, what it does.

    `handler` is a coroutine function whose annotations say what it takes and answers. `meaning` is one line, `more`
    says what else a caller may count on. `status` is that of success, `refusals` are statuses beyond the usual ones,
    `tagged` says that the answer carries an `ETag`.
    """

    method: str
    path: str
    needs: Permission
    handler: Callable[..., Awaitable[Any]]
    meaning: str
    more: str = ""
    status: int = 200
    refusals: tuple[int, ...] = ()
    tagged: bool = False

    @property
    def name(self) -> str:
        """The operation's id in the document."""
        return cast("str", getattr(self.handler, "__name__", ""))

    @property
    def area(self) -> str:
        """The first part of the path."""
        return self.path.split("/")[1]


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request. `who` is the name under which acts are recorded: the person and the token."""

    console: Console
    staff_id: str
    who: str
    permissions: frozenset[Permission]
    now: int

    @property
    def gateway(self) -> Gateway:
        """The process that is looked at."""
        return self.console.gateway

    async def read(self, query: Callable[[Tx], Result]) -> Result:
        """Read from the store."""
        return await self.gateway.store.read(query)

    async def write(self, unit: Callable[[Tx], Result]) -> Result:
        """Write to the store; what this process keeps of services, keys and switches is new when this returns."""
        result = await self.gateway.store.write(unit)
        await self.gateway.directory.refresh()
        return result


def call_of(request: Request) -> Call:
    """Return the call that the guard admitted."""
    return cast("Call", request.state.call)


Asking = Annotated[Call, Depends(call_of)]
