"""An error as a problem document (RFC 9457). Loads nothing heavy: whoever refuses a request early tells it so, too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from zhengming.core.errors import ZhengmingError

MEDIA_TYPE: Final = "application/problem+json"


def tell(request: Request, error: ZhengmingError, errors: Sequence[dict[str, Any]] = ()) -> Response:
    """Return an error as a response; `errors` are the parts of the request that do not fit, headers the error's own."""
    told = {
        "type": f"/api/docs#problem-{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "instance": request.url.path,
        "code": error.code,
        "next_step": error.next_step,
        "errors": list(errors),
    }
    body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"cache-control": "no-store", **getattr(error, "headers", {})}
    return Response(body, error.status, headers, MEDIA_TYPE)
