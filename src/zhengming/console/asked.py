"""A request as the pages see it: who asks, how they read, what they may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from zhengming.accounts.staff import StaffMember
from zhengming.console.context import Console
from zhengming.console.navigation import NAVIGATION
from zhengming.core.words import Permission
from zhengming.web.sessions import Session
from zhengming.web.view import View


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a page. `staff` and `session` are None only on pages that need no permission."""

    request: Request
    console: Console
    view: View
    staff: StaffMember | None
    session: Session | None

    @property
    def now(self) -> int:
        """The moment of the request, ms UTC."""
        return self.view.now

    @property
    def who(self) -> str:
        """The name under which acts are recorded."""
        return self.staff.name if self.staff is not None else ""

    @property
    def back(self) -> str:
        """The address of what is shown, for forms that lead back; of an act only its path."""
        path, query = self.request.url.path, self.request.url.query
        return f"{path}?{query}" if query and self.request.method in {"GET", "HEAD"} else path

    def can(self, permission: Permission | str) -> bool:
        """Whether the person who asks may do this."""
        return self.staff is not None and Permission(permission) in self.staff.permissions

    def page(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """Render a page.

        Templates also get `asked`, `can`, `here` (the path), `back` (the address to come back to) and `navigation`.
        """
        return self.console.renderer.page(
            self.view,
            template,
            status=status,
            headers=headers,
            asked=self,
            can=self.can,
            here=self.request.url.path,
            back=self.back,
            navigation=[entry for entry in NAVIGATION if self.can(entry.needs)],
            **values,
        )


Handler = Callable[[Asked], Awaitable[Response]]


class Page(NamedTuple):
    """One route of the console. `needs` None: it is served without signing in. `path` is Starlette's syntax."""

    method: str
    path: str
    needs: Permission | None
    handler: Handler
    meaning: str
