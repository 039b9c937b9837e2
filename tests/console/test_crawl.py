"""Every link and every form of every page, for every role, leads somewhere that the role may go."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import urldefrag

import httpx2
import pytest
from tests.console import people
from tests.console.browser.seed import fill
from tests.console.conftest import session_for
from tests.console.crawling import Lead, Leads, is_ours, kind_of, page_of
from tests.gateway.served import Served, serving

from zhengming.accounts import links, staff, switches, tokens
from zhengming.accounts.roles import ROLES
from zhengming.app.settings import Settings
from zhengming.console.pages import PAGES
from zhengming.core.ids import new_uuid
from zhengming.core.words import Permission, Role, SwitchKind
from zhengming.ledger import checkpoints, checks
from zhengming.store import Tx
from zhengming.web import sessions

ALIKE = 2
"""How many places are visited that differ only in what fills a parameter."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A console in which something lies on every page."""
    data = tmp_path_factory.mktemp("crawl") / "data"
    with serving(Settings(data=data, port=0, durability="normal", poll_seconds=0.05)) as served:
        fill(served)
        for role in Role:
            session_for(served, role)
        people.make(served, "disabled-one", Role.REVIEWER)
        served.write(lambda tx: _leave_traces(tx, served.gateway.clock()))
        yield served


def _leave_traces(tx: Tx, now: int) -> None:
    """A switch that stands, an invitation, a token, a disabled account, a checkpoint."""
    owner = next(one for one in staff.list_all(tx) if Role.OWNER in one.roles)
    gone = next(one for one in staff.list_all(tx) if one.name == "disabled-one")
    switches.set_switch(tx, SwitchKind.FREEZE_CHANGES, who="Lin", why="an exercise", now=now)
    links.invite(tx, (Role.AUDITOR,), secret=links.new_secret(), who=owner.name, now=now)
    staff.disable(tx, gone.id, who=owner.name, why="left the company", now=now)
    tokens.create(
        tx,
        owner.id,
        secret=tokens.new_secret(),
        scopes=(Permission.SEE_TURNS,),
        note="a report",
        expires_at=now + 86_400_000,
        who=owner.name,
        now=now,
    )
    checkpoints.note(tx, who=owner.name, now=now)
    checks.begin(tx, new_uuid(milliseconds=now), who=owner.name, instance="another", now=now)


class Crawl:
    """One role's walk from the overview over everything that it is shown."""

    def __init__(self, client: httpx2.Client, role: Role) -> None:
        self._client, self._role = client, role
        self._waiting: deque[tuple[Lead, str]] = deque([(Lead("GET", "/"), "the start")])
        self._seen: set[str] = set()
        self._alike: Counter[tuple[str, ...]] = Counter()
        self.wrong: list[str] = []
        self.led_to: set[str] = set()

    def walk(self) -> None:
        """Visit until nothing new is led to."""
        while self._waiting:
            lead, shown_on = self._waiting.popleft()
            address, _ = urldefrag(lead.address)
            if f"{lead.method} {address}" in self._seen:
                continue
            self._seen.add(f"{lead.method} {address}")
            kind = kind_of(lead)
            self._alike[kind] += 1
            if lead.method == "GET" and self._alike[kind] <= ALIKE:
                self._visit(Lead(lead.method, address), shown_on)
            elif lead.method == "POST":
                self._look_at_act(lead, shown_on)

    def _look_at_act(self, lead: Lead, shown_on: str) -> None:
        page = page_of(lead)
        if page is None:
            self.wrong.append(f"{shown_on}: a form goes to {lead.address}, where nothing answers")
        elif page.needs is not None and page.needs not in ROLES[self._role]:
            self.wrong.append(f"{shown_on}: a form goes to {page.path}, which wants {page.needs}")

    def _visit(self, lead: Lead, shown_on: str) -> None:
        page = page_of(lead)
        if page is not None:
            self.led_to.add(page.path)
        with self._client.stream("GET", lead.address) as answer:
            kind = answer.headers.get("content-type", "")
            text = answer.read().decode() if kind.startswith("text/html") else ""
        if answer.status_code == 303:
            target = answer.headers["location"]
            if target.startswith("/sign-in"):
                self.wrong.append(f"{shown_on}: {lead.address} leads out of the session")
            self._waiting.append((Lead("GET", target), lead.address))
        elif answer.status_code not in {200, 307}:
            self.wrong.append(f"{shown_on}: {lead.address} answers {answer.status_code}")
        elif text:
            self._read(lead.address, text)

    def _read(self, here: str, text: str) -> None:
        leads = Leads(here)
        leads.feed(text)
        leads.close()
        for lead in leads.found:
            address, fragment = urldefrag(lead.address)
            if not is_ours(lead.address):
                continue
            if (
                lead.method == "GET"
                and fragment
                and address in {here, urldefrag(here)[0]}
                and fragment not in leads.ids
            ):
                self.wrong.append(f"{here}: #{fragment} names nothing on the page")
            self._waiting.append((lead, here))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", list(Role))
def test_everything_a_role_is_shown_leads_somewhere_it_may_go(site: Served, role: Role) -> None:
    cookies = {sessions.COOKIE: session_for(site, role)}
    with httpx2.Client(base_url=site.url, cookies=cookies, timeout=30) as client:
        crawl = Crawl(client, role)
        crawl.walk()

    assert not crawl.wrong, "\n".join(crawl.wrong)


@pytest.mark.timeout(300)
def test_an_owner_comes_to_every_page_by_following_links(site: Served) -> None:
    cookies = {sessions.COOKIE: session_for(site, Role.OWNER)}
    with httpx2.Client(base_url=site.url, cookies=cookies, timeout=30) as client:
        crawl = Crawl(client, Role.OWNER)
        crawl.walk()
    pages = {page.path for page in PAGES if page.method == "GET" and page.needs is not None}
    after_an_act = {
        "/account/second-factor.svg",
        "/playground/turns/{turn_id}",
        "/turns/{turn_id}/texts",
        "/turns/{turn_id}/verify",
    }

    assert not pages - crawl.led_to - after_an_act, "\n".join(sorted(pages - crawl.led_to))
