"""Charts as SVG made here, each with its table: no script draws them, and nobody has to see them to read them.

Colours and strokes come from the classes `ok`, `note`, `warn`, `bad`, `quiet`; lines differ in their dashes too. Words
and numbers are the reader's: call from within a page, or with a View in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import floor, isfinite, log10
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_skeleton
from babel.numbers import format_compact_decimal
from markupsafe import Markup

from zhengming.web.view import CURRENT, full, number, t, url, when

_WIDE: Final = 1000
"""The plot's own units across; it is stretched to the width that it is given, its letters and strokes are not."""
_TOP: Final = 16
_BOTTOM: Final = 22
_TICKS: Final = 4
_EDGE: Final = 5
_MOST_MARKS: Final = 7
_MANY: Final = 10_000
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_STEPS: Final = (
    *(n * 1000 for n in (1, 5, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 365)),
)
_KINDS: Final = frozenset({"ok", "note", "warn", "bad", "quiet"})


class Series(NamedTuple):
    """One line of a chart: its name, its kind (ok, note, warn, bad, quiet), its points of (ms UTC, value)."""

    name: str
    kind: str
    points: Sequence[tuple[int, float]]


class _Frame(NamedTuple):
    """Where values and moments lie in the picture."""

    height: int
    first: int
    last: int
    top: float

    def x(self, moment: int) -> float:
        """The place of a moment in per cent of the width; a lone one stands in the middle."""
        apart = self.last - self.first
        return round(100 * (moment - self.first) / apart, 2) if apart else 50

    def y(self, value: float) -> float:
        """The place of a value in pixels."""
        tall = self.height - _TOP - _BOTTOM
        return round(_TOP + tall * (1 - max(value, 0) / self.top), 1)


def lines(series: Sequence[Series], *, height: int = 200, label: str, unit: str = "") -> Markup:
    """Return a chart of values over time as a figure, with its table. Values below 0 or not finite are left out.

    Times are shown in the reader's time zone; a series without points stands in the key all the same.
    """
    shown = [one._replace(points=_usable(one.points)) for one in series]
    moments = sorted({moment for one in shown for moment, _ in one.points})
    if not moments:
        return _figure(label, Markup(""), Markup('<p class="muted">{}</p>').format(t("web:chart.empty")))
    most = max(value for one in shown for _, value in one.points)
    frame = _Frame(height, moments[0], moments[-1], _rounded(most))
    told = t("web:chart.range", first=full(moments[0]), last=full(moments[-1]))
    facts = " ".join([told, *(_facts(one, unit) for one in shown if one.points)])
    drawn = Markup("").join([_rules(frame), *(_line(one, frame) for one in shown), _values(frame), _time_axis(frame)])
    picture = _svg(height, label, facts, drawn)
    return _figure(label, _keys(shown, unit), picture + _table_of(shown, moments, label, unit))


def bars(items: Iterable[tuple[str, float] | tuple[str, float, str]], *, label: str, unit: str = "") -> Markup:
    """Return a chart of named values as a table with bars, widest first as given; (name, value[, address]).

    The table itself is the chart: each bar stands beside its number, and a name with an address leads to its rows.
    """
    kept = [(item[0], item[1], item[2] if len(item) > 2 else "") for item in items]  # noqa: PLR2004 - with an address
    if not kept:
        return _figure(label, Markup(""), Markup('<p class="muted">{}</p>').format(t("web:chart.empty")))
    most = max((value for _, value, _ in kept if isfinite(value)), default=0) or 1
    rows = Markup("").join(_bar(name, value, address, most) for name, value, address in kept)
    heads = Markup('<tr><th scope="col">{}</th><th scope="col" class="num">{}</th><td></td></tr>').format(
        t("web:chart.item"), unit or t("web:chart.value")
    )
    table = Markup(
        '<table class="data bars"><caption class="sr">{}</caption><thead>{}</thead><tbody>{}</tbody></table>'
    )
    return _figure(label, Markup(""), _scroll(label, table.format(label, heads, rows)))


def _usable(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    return sorted((moment, value) for moment, value in points if isfinite(value) and value >= 0)


def _rounded(most: float) -> float:
    """The top of the scale: 1, 2 or 5 of some power of ten, times the number of ticks, not below the greatest value."""
    if most <= 0:
        return float(_TICKS)
    power = 10 ** floor(log10(most / _TICKS))
    step = next(one * power for one in (1, 2, 2.5, 5, 10) if one * power * _TICKS >= most)
    return float(step * _TICKS)


def _short(value: float) -> str:
    if value >= _MANY:
        return format_compact_decimal(value, locale=CURRENT.get().locale, fraction_digits=1)
    return _exact(value)


def _exact(value: float) -> str:
    return number(value, 0 if value == int(value) else 1 if value >= 10 else 2)  # noqa: PLR2004 - three figures


def _facts(one: Series, unit: str) -> str:
    values = [value for _, value in one.points]
    name = f"{one.name} ({unit})" if unit else one.name
    found = {"low": _exact(min(values)), "high": _exact(max(values)), "last": _exact(values[-1])}
    return t("web:chart.range_of", name=name, **found)


def _steps(frame: _Frame) -> list[float]:
    return [frame.top * tick / _TICKS for tick in range(_TICKS + 1)]


def _rules(frame: _Frame) -> Markup:
    rule = Markup('<line class="rule" x1="0" x2="100%" y1="{}" y2="{}"/>')
    return Markup("").join(rule.format(frame.y(one), frame.y(one)) for one in _steps(frame))


def _values(frame: _Frame) -> Markup:
    mark = Markup('<text x="0" y="{}">{}</text>')
    return Markup("").join(mark.format(frame.y(one) - 3, _short(one)) for one in _steps(frame))


def _time_axis(frame: _Frame) -> Markup:
    step = next((one for one in _STEPS if (frame.last - frame.first) / one <= _TICKS + 1), _STEPS[-1])
    mark = Markup('<text x="{}%" y="{}" text-anchor="{}">{}</text>')
    marked = ticks(frame.first, frame.last, step, CURRENT.get().zone) or [frame.first]
    places = [(at, frame.x(at)) for at in marked[:: len(marked) // _MOST_MARKS + 1]]
    return Markup("").join(mark.format(x, frame.height - 5, _anchor(x), _tick(at, step)) for at, x in places)


def _anchor(x: float) -> str:
    return "start" if x < _EDGE else "end" if x > 100 - _EDGE else "middle"


def ticks(first: int, last: int, step: int, zone: ZoneInfo) -> list[int]:
    """Return the moments within first..last at which the local clock shows a whole step; all are ms since 1970."""
    local = datetime.fromtimestamp(first / 1000, UTC).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    found, at = [], midnight
    while (moment := int(at.replace(tzinfo=zone).timestamp() * 1000)) <= last:
        if moment >= first:
            found.append(moment)
        at += timedelta(milliseconds=step)
    return sorted(set(found))


def _tick(moment: int, step: int) -> str:
    view = CURRENT.get()
    at = datetime.fromtimestamp(moment / 1000, UTC)
    if step >= _DAY:
        return format_skeleton("MMMd", at, tzinfo=view.zone, locale=view.locale)
    return format_datetime(at, "HH:mm" if step >= _MINUTE else "HH:mm:ss", tzinfo=view.zone, locale=view.locale)


def _line(one: Series, frame: _Frame) -> Markup:
    kind = one.kind if one.kind in _KINDS else "note"
    if len(one.points) == 1:
        moment, value = one.points[0]
        return Markup('<circle class="dot {}" cx="{}%" cy="{}" r="3.5"/>').format(kind, frame.x(moment), frame.y(value))
    if not one.points:
        return Markup("")
    places = " ".join(f"{round(frame.x(moment) * _WIDE / 100, 1)},{frame.y(value)}" for moment, value in one.points)
    return Markup(
        '<svg width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">'
        '<polyline class="line {}" points="{}"/></svg>'
    ).format(frame.height, _WIDE, frame.height, kind, places)


def _keys(series: Sequence[Series], unit: str) -> Markup:
    key = Markup(
        '<span class="key"><svg viewBox="0 0 28 12" aria-hidden="true"><line class="line {}" x1="0" x2="28" y1="6"'
        ' y2="6"/></svg>{}</span>'
    )
    named = Markup("").join(key.format(one.kind if one.kind in _KINDS else "note", one.name) for one in series)
    return named + Markup('<span class="key muted">{}</span>').format(unit) if unit else named


def _svg(height: int, label: str, facts: str, drawn: Markup) -> Markup:
    picture = Markup(
        '<svg class="plot" height="{}" role="img" aria-label="{}"><title>{}</title><desc>{}</desc>{}</svg>'
    )
    return picture.format(height, f"{label}. {facts}", label, facts, drawn)


def _table_of(series: Sequence[Series], moments: Sequence[int], label: str, unit: str) -> Markup:
    by_moment = [dict(one.points) for one in series]
    heads = Markup("").join(
        Markup('<th scope="col" class="num">{}</th>').format(f"{one.name} ({unit})" if unit else one.name)
        for one in series
    )
    cell, row = Markup('<td class="num">{}</td>'), Markup('<tr><th scope="row">{}</th>{}</tr>')
    rows = Markup("").join(
        row.format(when(at), Markup("").join(cell.format(_exact(one[at]) if at in one else "–") for one in by_moment))
        for at in reversed(moments)
    )
    table = Markup(
        '<table class="data"><caption class="sr">{}</caption><thead><tr><th scope="col">{}</th>{}</tr></thead>'
        "<tbody>{}</tbody></table>"
    ).format(label, t("web:chart.time"), heads, rows)
    return Markup("<details><summary>{}</summary>{}</details>").format(t("web:chart.table"), _scroll(label, table))


def _bar(name: str, value: float, address: str, most: float) -> Markup:
    share = min(max(value / most, 0), 1) * 100 if isfinite(value) else 0
    linked = Markup('<a href="{}">{}</a>').format(url(address), name) if address else name
    return Markup(
        '<tr><th scope="row">{}</th><td class="num">{}</td><td class="bar-cell"><svg viewBox="0 0 100 8"'
        ' preserveAspectRatio="none" aria-hidden="true"><rect class="fill" width="{}" height="8"/></svg></td></tr>'
    ).format(linked, _exact(value) if isfinite(value) else "–", round(share, 2))


def _scroll(label: str, table: Markup) -> Markup:
    return Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>').format(label, table)


def _figure(label: str, keys: Markup, content: Markup) -> Markup:
    return Markup('<figure class="chart"><figcaption><span>{}</span>{}</figcaption>{}</figure>').format(
        label, keys, content
    )
