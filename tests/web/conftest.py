"""A console that serves the gallery of components beside its pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.console.browser.conftest import browser
from tests.console.conftest import sign_in
from tests.gateway.conftest import embedded, serve
from tests.gateway.served import Served, serving
from tests.web.gallery import GALLERY
from tests.web.gallery import TEMPLATES as OWN_TEMPLATES

from zhengming.app.settings import Settings
from zhengming.app.site import site
from zhengming.console.app import TEMPLATES, build
from zhengming.console.context import Console, Facts
from zhengming.console.pages import PAGES
from zhengming.gateway.asgi import GatewayApp
from zhengming.gateway.context import Gateway
from zhengming.web.rendering import Renderer

__all__ = ["browser", "embedded", "serve", "sign_in"]


def with_gallery(gateway: Gateway, settings: Settings) -> GatewayApp:
    """Build the site as it is, and serve the gallery with the console's own parts."""
    app = site(gateway, settings)
    facts = Facts("0", settings.data, "SQLite", shared_limits=False, started_at=gateway.clock())
    console = Console(gateway, app, Renderer([OWN_TEMPLATES, TEMPLATES]), facts, gateway.clock)
    app.rest = build(console, pages=(*PAGES, GALLERY))
    return app


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A console whose `/gallery` shows every component."""
    data = tmp_path_factory.mktemp("gallery") / "data"
    with serving(Settings(data=data, port=0, durability="normal", poll_seconds=0.05), with_gallery) as served:
        yield served
