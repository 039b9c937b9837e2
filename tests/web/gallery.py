"""A page that shows every component once, for tests and eyes; it is served by tests alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.responses import Response

from zhengming.console.asked import Asked, Page
from zhengming.web.charts import Series, bars, lines
from zhengming.web.marks import Mark, pieces

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"

_TEXT: Final = "请拨打 138-0013-8000 联系张三，或者 write to zhang@example.com before noon."
_MINUTE: Final = 60_000


async def show(asked: Asked) -> Response:
    """Every component with believable content."""
    at = asked.now - asked.now % _MINUTE
    span = range(60)
    series = [
        Series("Turns", "ok", [(at - (59 - i) * _MINUTE, 40 + (i * 37) % 23 + i / 2) for i in span]),
        Series("Held", "warn", [(at - (59 - i) * _MINUTE, (i * 13) % 11) for i in span]),
        Series("Failed", "bad", [(at - (59 - i) * _MINUTE, 30 if i > 50 else 1) for i in span]),
    ]
    return asked.page(
        "gallery.html",
        at=at,
        lines=lines(series, label="Turns a minute", unit="turns"),
        one_point=lines([Series("Turns", "note", [(at, 12_345_678_901)])], label="One point"),
        no_points=lines([], label="No points"),
        bars=bars(
            [("Redacted", 1234, "/turns?verdict_out=redact"), ("Stopped", 56, ""), ("Allowed", 98_765, "")],
            label="By verdict",
        ),
        pieces=pieces(
            _TEXT,
            [
                Mark(4, 17, "Redacted by privacy.phone", "redact", 1),
                Mark(20, 22, "Noted by privacy.name", "annotate", 2),
                Mark(_TEXT.index("zhang@"), _TEXT.index(" before"), "Stopped by privacy.email", "stop", 3),
            ],
        ),
    )


GALLERY: Final = Page("GET", "/gallery", None, show, "Every component.")
