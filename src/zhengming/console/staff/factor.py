"""Setting up, renewing and removing one's second factor. Each begins with the password."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from starlette.responses import Response

from zhengming.accounts import second_factor, sign_ins
from zhengming.accounts.limits import Rate
from zhengming.console.asked import Asked, Page
from zhengming.console.guard import ENROLMENT, lacks_second_factor
from zhengming.console.staff.own import back_to, knows_password, signed_in
from zhengming.core.errors import ConflictError, NotFoundError
from zhengming.core.words import Permission
from zhengming.store import Tx
from zhengming.web.forms import read_form
from zhengming.web.sessions import origin_of

_QUARTER: Final = 15 * 60_000


async def show(asked: Asked) -> Response:
    """The page of the second factor: what to do next, depending on how far one is."""
    return await _page(asked)


async def picture(asked: Asked) -> Response:
    """The QR code of the secret that waits for its first code."""
    secret, (member, _) = await _waiting(asked), signed_in(asked)
    if secret is None:
        raise NotFoundError("No second factor is being set up.", next_step=f"Begin at {ENROLMENT}.")
    drawn = second_factor.picture_of(second_factor.address_of(secret, member.name))
    return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "no-store"})


async def begin(asked: Asked) -> Response:
    """Draw a secret for an app."""
    form, (member, _) = await read_form(asked.request), signed_in(asked)
    if not await knows_password(asked, form):
        return await _page(asked, problem="own", status=400)
    secret, gateway = second_factor.new_secret(), asked.console.gateway
    with suppress(ConflictError):  # it was set up in another window meanwhile; the page shows that
        await gateway.store.write(lambda tx: second_factor.begin(tx, gateway.vault, member.id, secret=secret))
    return back_to(ENROLMENT)


async def confirm(asked: Asked) -> Response:
    """Put the secret in force with its first code, and show the recovery codes once."""
    form, (member, _) = await read_form(asked.request), signed_in(asked)
    code, codes, gateway = form.text("code", max=100), second_factor.new_codes(), asked.console.gateway
    claim = Rate("codes", f"zm:signin:enrol:{member.id}", 20, period=_QUARTER)
    if not (await gateway.limiter.take([claim], asked.now)).allowed:
        return await _page(asked, problem="too_many", status=429)
    fits = await gateway.store.write(
        lambda tx: second_factor.confirm(
            tx, gateway.vault, member.id, code, recovery=codes, who=member.name, now=asked.now
        )
    )
    return _codes(asked, codes) if fits else await _page(asked, problem="code", status=400)


async def renew(asked: Asked) -> Response:
    """Put other recovery codes in the place of the old ones and show them once."""
    form, (member, _) = await read_form(asked.request), signed_in(asked)
    if not member.second_factor:
        return back_to(ENROLMENT)
    if not await knows_password(asked, form):
        return await _page(asked, problem="own", status=400)
    codes = second_factor.new_codes()
    await asked.console.gateway.store.write(
        lambda tx: second_factor.renew_codes(tx, member.id, codes, who=member.name, now=asked.now)
    )
    return _codes(asked, codes)


async def remove(asked: Asked) -> Response:
    """Take one's second factor away: with the password and a code, so that a found session cannot."""
    form, (member, _) = await read_form(asked.request), signed_in(asked)
    if not member.second_factor:
        return back_to(ENROLMENT)
    if not await knows_password(asked, form):
        return await _page(asked, problem="own", status=400)
    code, gateway = form.text("code", max=100), asked.console.gateway

    def unit(tx: Tx) -> str:
        return sign_ins.remove_factor(tx, gateway.vault, member, code, origin=origin_of(asked.request), now=asked.now)

    outcome = await gateway.store.write(unit)
    if outcome == sign_ins.SIGNED_IN:
        return back_to(ENROLMENT)
    return await _page(asked, problem="code" if outcome == sign_ins.WRONG_CODE else "too_many", status=400)


async def _waiting(asked: Asked) -> str | None:
    (member, _), gateway = signed_in(asked), asked.console.gateway
    return await gateway.store.read(lambda tx: second_factor.waiting(tx, gateway.vault, member.id))


async def _page(asked: Asked, *, problem: str = "", status: int = 200) -> Response:
    (member, _), secret = signed_in(asked), await _waiting(asked)
    left = await asked.console.gateway.store.read(lambda tx: second_factor.codes_left(tx, member.id))
    return asked.page(
        "staff/second_factor.html",
        status=status,
        member=member,
        secret="" if secret is None else " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        problem=problem,
        codes_left=left,
        lacks=lacks_second_factor(asked.console, member),
        required=asked.console.facts.second_factor == "required",
    )


def _codes(asked: Asked, codes: list[str]) -> Response:
    return asked.page("staff/codes.html", codes=codes)


_OWN: Final = Permission.OWN_ACCOUNT
PAGES: Final[tuple[Page, ...]] = (
    Page("GET", ENROLMENT, _OWN, show, "One's second factor."),
    Page("GET", f"{ENROLMENT}.svg", _OWN, picture, "The QR code while it is set up."),
    Page("POST", f"{ENROLMENT}/begin", _OWN, begin, "Begin to set it up."),
    Page("POST", f"{ENROLMENT}/confirm", _OWN, confirm, "Put it in force; shows the recovery codes once."),
    Page("POST", f"{ENROLMENT}/codes", _OWN, renew, "Make new recovery codes; shows them once."),
    Page("POST", f"{ENROLMENT}/remove", _OWN, remove, "Remove it."),
)
