"""What can go wrong with an upstream, as errors that a person may read.

None of them carries a key, a header or any text of the conversation: they go into logs and to clients.
"""

from __future__ import annotations

from zhengming.core.errors import InvalidInputError, NotFoundError, ZhengmingError


class UpstreamConfigError(InvalidInputError):
    """The description of an upstream cannot be used; nothing was started."""

    code = "upstream_config"


class UnknownModelError(NotFoundError):
    """No upstream serves the model that the client named."""

    code = "model_not_found"


class UpstreamError(ZhengmingError):
    """An upstream failed. `upstream` is its configured name, "" when none could be asked.

    `repeatable` says that asking the same upstream again may help: nothing of an answer had come.
    """

    code = "upstream_error"
    status = 502
    repeatable = False

    def __init__(self, message: str, *, upstream: str = "", next_step: str = "", code: str | None = None) -> None:
        super().__init__(message, next_step=next_step, code=code)
        self.upstream = upstream


class UpstreamRefused(UpstreamError):  # noqa: N818 - the name says what the upstream did
    """No connection came about: refused, unknown host or failed TLS."""

    code = "upstream_refused"
    repeatable = True


class UpstreamResting(UpstreamError):  # noqa: N818 - see above
    """Every upstream of the model failed so often that its circuit is open; ask again after `retry_after` seconds."""

    code = "upstream_resting"
    status = 503

    def __init__(self, message: str, *, retry_after: float, upstream: str = "", next_step: str = "") -> None:
        super().__init__(message, upstream=upstream, next_step=next_step)
        self.retry_after = retry_after


class UpstreamTimeout(UpstreamError):  # noqa: N818 - see above
    """The upstream was silent for longer than configured: connecting, before the first byte, or in mid-stream."""

    code = "upstream_timeout"
    status = 504


class UpstreamBroken(UpstreamError):  # noqa: N818 - see above
    """The upstream broke off, or sent what is no HTTP answer."""

    code = "upstream_broken"


class UpstreamUnstarted(UpstreamBroken):
    """The upstream broke off before the first byte of an answer: another attempt cannot show anything twice."""

    repeatable = True


class UpstreamUnusable(UpstreamBroken):
    """The upstream answered with something that no attempt can make usable: a redirect, compression, no HTTP."""


class UpstreamTooLarge(UpstreamError):  # noqa: N818 - see above
    """The answer is larger than the configured limit; the connection was closed."""

    code = "upstream_too_large"
