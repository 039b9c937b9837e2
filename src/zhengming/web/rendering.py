"""Templates to responses: one environment, autoescaped, in which a missing value is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from zhengming.web.charts import bars, lines
from zhengming.web.view import CURRENT, GLOBALS, View

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"


class Renderer:
    """Renders the templates of the given folders; a folder named earlier wins."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.environment = Environment(
            loader=FileSystemLoader([*folders, TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.environment.globals.update(GLOBALS, chart_lines=lines, chart_bars=bars)

    def text(self, view: View, template: str, **values: Any) -> str:
        """Return a template, or a part of a page, as HTML."""
        token = CURRENT.set(view)
        try:
            return self.environment.get_template(template).render(view=view, **values)
        finally:
            CURRENT.reset(token)

    def page(
        self,
        view: View,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Return a template as a response that no cache keeps."""
        kept = {"cache-control": "no-store", "content-language": view.language, "vary": "cookie, accept-language"}
        return HTMLResponse(self.text(view, template, **values), status, {**kept, **(headers or {})})
