"""Debian's chromium on a console full of turns. Without a browser these tests skip aloud; CI fails instead.

Playwright's synchronous loop must not outlive a module: async tests of other modules would find it running.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from tests.console.browser.seed import fill
from tests.console.conftest import session_for
from tests.gateway.served import Served, serving

from zhengming.app.settings import Settings
from zhengming.core.words import Role
from zhengming.web import sessions

SCREENS = Path(__file__).resolve().parents[3] / "test-results" / "screens"
"""Every page as it was looked at; kept as artefacts of the test run."""

PHONE, DESK = 375, 1280
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    if not found:
        message = "no chromium: run scripts/setup_browser.sh as root, or apt-get install chromium fonts-noto-cjk"
        if os.environ.get("ZHENGMING_STRICT") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    path = _chromium()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A console with turns of every kind."""
    data = tmp_path_factory.mktemp("console") / "data"
    with serving(Settings(data=data, port=0, durability="normal", poll_seconds=0.05)) as served:
        fill(served)
        yield served


@dataclass
class Looked:
    """What went wrong in the pages of one context: console errors, breaches of the policy, failed requests."""

    faults: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Listen to everything that the pages of a context complain about."""
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"exception: {error.error}"))
        context.on("requestfailed", self._failed)
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => "
            "console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text}")

    def _failed(self, request: Any) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # a live stream of a page that was left
            self.faults.append(f"failed: {request.url} {request.failure}")


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, site: Served) -> Iterator[Open]:
    """`open_page(path, language="en", theme="light", width=DESK, roles=(Role.OWNER,))` gives the page, watched.

    At the end of the test nothing may have been complained about.
    """
    looked = Looked()
    with ExitStack() as stack:

        def opened(
            path: str,
            *,
            language: str = "en",
            theme: str = "light",
            width: int = DESK,
            roles: tuple[Role, ...] = (Role.OWNER,),
            **options: Any,
        ) -> Page:
            scheme: Any = theme
            context = browser.new_context(
                base_url=site.url,
                color_scheme=scheme,
                viewport={"width": width, "height": 800},
                locale=language,
                reduced_motion="reduce",
                **options,
            )
            stack.callback(context.close)
            context.set_default_timeout(15_000)
            if roles:
                secret = session_for(site, *roles, language=language, name=f"{'-'.join(roles)}-{language}")
                context.add_cookies([{"name": sessions.COOKIE, "value": secret, "url": site.url}])
            looked.watch(context)
            page = context.new_page()
            page.goto(path)
            return page

        yield opened
    assert looked.faults == []
