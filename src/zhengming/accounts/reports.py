"""What the operator reports about its end users: registrations, ages, log-ins.

The ledger hears the pseudonym and the kind of the report, nothing else: no user id, no age, no birth date.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from zhengming.accounts import people
from zhengming.accounts.people import VERSION, ensure
from zhengming.accounts.switches import Switch, in_force
from zhengming.accounts.switches import load as load_switches
from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Audience, EventType, SwitchKind, Word
from zhengming.ledger import append
from zhengming.store.tx import Tx
from zhengming.store.versions import bump


class ReportKind(Word):
    """What the operator may report of an end user."""

    REGISTRATION = "registration", "The person registered with the service."
    AGE = "age", "The age band of the person became known or changed."
    LOGIN = "login", "The person logged in."
    PUBLICATION = "publication", "The person is about to publish something that the service made."


STOPPED_BY: Final = {
    ReportKind.REGISTRATION: SwitchKind.STOP_REGISTRATION,
    ReportKind.PUBLICATION: SwitchKind.STOP_PUBLISHING,
}
"""The switch that forbids what is reported, by kind; the application asks before it acts."""


class Report(NamedTuple):
    """A report about one end user, who is named by pseudonym; `band` goes with any kind and is needed for `age`."""

    kind: ReportKind
    person_id: str
    service_id: str
    key_id: str
    band: Audience | None = None


class Outcome(NamedTuple):
    """Whether the operator may go on, and the switch that says no."""

    allowed: bool
    switch: Switch | None = None


def read_band(*, band: str = "", birth_date: str = "", age: int | None = None, today: date) -> Audience | None:
    """Return the band that a report names by one of band, birth date (`YYYY-MM-DD`) and age; None when by none.

    InvalidInputError when more than one is given, or when one cannot be read or lies in the future.
    """
    if sum((bool(band), bool(birth_date), age is not None)) > 1:
        raise InvalidInputError(
            "A report names a person's age in more than one way.", next_step="Give one of `band`, `birth_date`, `age`."
        )
    try:
        if band:
            return Audience(band)
        if birth_date:
            return people.band_of_birth(date.fromisoformat(birth_date), today)
    except ValueError as error:
        raise InvalidInputError(
            "The age in the report cannot be read.",
            next_step=f"Give a band ({', '.join(Audience)}) or a birth date as YYYY-MM-DD.",
        ) from error
    return None if age is None else people.band_of_age(age)


def report_event(tx: Tx, report: Report, *, now: int) -> Outcome:
    """Take a report in this unit: the person's row, the ledger entry `user.reported`, and the version people poll.

    A registration while `stop_registration` is in force, or a publication during `stop_publishing`, is refused and
    recorded, and leaves no row.
    """
    if report.kind is ReportKind.AGE and report.band is None:
        raise InvalidInputError(
            "A report of an age names none.", next_step="Give one of `band`, `birth_date` and `age`."
        )
    stop = None
    if report.kind in STOPPED_BY:
        standing = load_switches(tx, now)
        stop = in_force(standing, STOPPED_BY[report.kind], now, service_id=report.service_id)
    fields = {
        "kind": str(report.kind),
        "person": report.person_id,
        "service": report.service_id,
        "key": report.key_id,
        "allowed": stop is None,
    }
    append(tx, EventType.USER_REPORTED, fields if stop is None else {**fields, "switch": stop.id}, at=now)
    if stop is not None:
        return Outcome(allowed=False, switch=stop)
    ensure(tx, report.person_id, report.service_id, stand_in=False, now=now)
    tx.run(
        "UPDATE person SET band = COALESCE(:band, band), registered_at = COALESCE(registered_at, :registered),"
        " login_at = COALESCE(:login, login_at), change = :change WHERE id = :id",
        {
            "id": report.person_id,
            "band": None if report.band is None else str(report.band),
            "registered": now if report.kind is ReportKind.REGISTRATION else None,
            "login": now if report.kind is ReportKind.LOGIN else None,
            "change": bump(tx, VERSION),
        },
    )
    return Outcome(allowed=True)
