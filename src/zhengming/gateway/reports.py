"""Where the operator's application reports registrations, ages and log-ins of its end users."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from zhengming.accounts.reports import Report, ReportKind, read_band, report_event
from zhengming.core.errors import InvalidInputError
from zhengming.gateway.admit import authenticate, receive_body
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import Client, Receive, Scope
from zhengming.gateway.wire.judge_json import parse_object
from zhengming.gateway.wire.splice import dump

_FIELDS = frozenset({"kind", "user", "band", "birth_date", "age"})


async def take(gateway: Gateway, scope: Scope, receive: Receive, client: Client) -> None:
    """Take one report and answer whether the operator may go on; a switch that says no is named with who and why."""
    grant = authenticate(gateway, scope, "report")
    given = parse_object(await receive_body(gateway, scope, receive))
    now = gateway.clock()
    report = Report(
        kind=_kind(given),
        person_id=gateway.pseudonyms.of_user(grant.service.id, _text(given, "user", required=True)),
        service_id=grant.service.id,
        key_id=grant.key_id,
        band=read_band(
            band=_text(given, "band"),
            birth_date=_text(given, "birth_date"),
            age=_age(given),
            today=datetime.fromtimestamp(now / 1000, UTC).date(),
        ),
    )
    outcome = await gateway.store.write(lambda tx: report_event(tx, report, now=now))
    await gateway.directory.refresh()
    answer: dict[str, Any] = {"allowed": outcome.allowed, "person": report.person_id}
    if outcome.switch is not None:
        stop = outcome.switch
        answer["switch"] = {"id": stop.id, "who": stop.who, "why": stop.why, "expires_at": stop.expires_at}
    await client.respond(200, dump(answer))


def _kind(given: dict[str, Any]) -> ReportKind:
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise InvalidInputError(
            f"The report has no field {unknown[0]!r}.", next_step=f"Use {', '.join(sorted(_FIELDS))}."
        )
    try:
        return ReportKind(_text(given, "kind", required=True))
    except ValueError as error:
        raise InvalidInputError(
            f"There is no report of the kind {given['kind']!r}.", next_step=f"Use one of {', '.join(ReportKind)}."
        ) from error


def _text(given: dict[str, Any], name: str, *, required: bool = False) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise InvalidInputError(
            f"The report's field {name!r} must be a text.", next_step="Correct it and send it again."
        )
    return value


def _age(given: dict[str, Any]) -> int | None:
    age = given.get("age")
    if age is not None and (not isinstance(age, int) or isinstance(age, bool)):
        raise InvalidInputError("The report's field 'age' must be a whole number.", next_step="Give years, 0 to 150.")
    return age
