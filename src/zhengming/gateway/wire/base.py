"""What every wire format shares: values in, values out.

An API (chat completions, completions, responses) turns the bytes of an upstream into the bytes for the client.
It knows where text lies in its JSON; the guard knows what may be shown; the turn that owns both does the I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from zhengming.core.errors import ZhengmingError
from zhengming.core.signals import Reason
from zhengming.label.text import strip_own_labels
from zhengming.screen.guard import FieldGuard, Screening

Path = tuple[str | int, ...]


class Piece(NamedTuple):
    """One text of a request: where it lies, who speaks (`system`, `user`, `assistant`, `tool`), and the text itself."""

    path: Path
    role: str
    text: str
    message: int  # index of the message it belongs to; -1 for instructions beside the messages


class Unjudged(NamedTuple):
    """A part of a request that no detector can read yet, such as a picture: counted, and left to policy."""

    path: Path
    kind: str


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """A request, parsed for judging. `raw` is what goes upstream, after splicing.

    `messages` holds one canonical JSON byte string a message, for the fingerprint of the history. `structured` says
    that the answer must be JSON; `beside`, that it is to be inserted somewhere, such as code. Both carry the label
    beside the text, never inside.
    """

    api: str
    raw: bytes
    model: str
    stream: bool
    pieces: tuple[Piece, ...]
    messages: tuple[bytes, ...]
    roles: tuple[str, ...]
    unjudged: tuple[Unjudged, ...] = ()
    user: str = ""
    conversation: str = ""
    previous_response: str = ""
    structured: bool = False
    beside: bool = False
    choices: int = 1


def place_of(path: Path) -> str:
    """The place of a text of a request as rows and entries name it, such as `messages/2/content`."""
    return "/".join(map(str, path)).encode("utf-8", "replace").decode()


class Found(NamedTuple):
    """A reason with the place of the text that its span counts in.

    For a request that is a path (`messages/2/content`), for an answer a channel (`0/content`): there the span is in
    code points of the model's own words in that channel, as `said` gives them, and not of what was shown.
    """

    place: str
    reason: Reason


class Shown(NamedTuple):
    """A text handed to the client: `channel` names choice and field, such as `0/content`."""

    channel: str
    text: str


class Out(NamedTuple):
    """What goes to the client now: `data` for the socket, and the texts it shows."""

    data: bytes = b""
    shown: tuple[Shown, ...] = ()


@dataclass(slots=True)
class OutputContext:
    """Everything an answer needs besides the upstream's bytes.

    `label_start` and `label_end` are the explicit label with its line breaks, empty where the label is carried beside;
    `aigc` is the JSON object of the seven fields, ready to splice; `extra` are further top-level members that name the
    turn (JSON bytes by key); `notice` gives the text that follows a stop; `model_alias`, when not empty, stands in
    place of the upstream's name of the model; `drop_labels` takes our labels out of a text; `offer` is a text of ours
    that follows a complete answer before its end label, wherever the answer must not be JSON. `holds_nothing` judges a
    whole text at once and says whether no rule has anything to say of it, so that a whole answer need not go through a
    guard piece by piece.
    """

    screening: Screening
    aigc: bytes
    produce_id: str
    label_start: str = ""
    label_end: str = ""
    structured: bool = False
    notice: Callable[[Reason], str] = field(default=lambda reason: reason.signal.category)
    model_alias: str = ""
    extra: Mapping[str, bytes] = field(default_factory=dict)
    drop_labels: Callable[[str], str] = strip_own_labels
    holds_nothing: Callable[[str], bool] | None = None
    offer: str = ""


class OutputStream(Protocol):
    """A streamed answer on its way through the guard. After `stopped` the upstream is cancelled and nothing follows.

    `broken` is set once the upstream sent what cannot be read: nothing more is taken; `fail` or `close_with` ends it.
    """

    stopped: bool
    finished: bool
    broken: ZhengmingError | None
    found: list[Found]
    usage: dict[str, object] | None
    response_id: str

    @property
    def held(self) -> int:
        """How many code points lie in the guards now, neither shown nor dropped."""

    @property
    def versions(self) -> list[str]:
        """Every rule version that decided, oldest first."""

    def feed(self, data: bytes) -> Out:
        """Take bytes of the upstream as they came, whole events or not; return what may go out."""

    def finish(self) -> Out:
        """The upstream ended: release what is left, place the end label, close the stream as the API expects."""

    def fail(self, message: str, code: str) -> Out:
        """The upstream broke off: release what is safe, then an error event in the API's shape.

        After a call of this stream that raised, because a detector did, nothing held is safe: it is not released.
        """

    def close_with(self, text: str) -> Out:
        """The upstream broke off, and the person must not be left with an error: release what is safe, show `text`.

        The stream then ends as a whole answer does (`finish_reason` is `stop`). The text is not screened; it stands in
        place of the notice where a guard stops the answer at this moment, and in the refusal where the answer is JSON.
        """

    def reload(self, screening: Screening) -> Out:
        """The rules changed in mid-stream: what is still held is judged again under the new version."""

    def said(self) -> dict[str, str]:
        """The model's own words by channel, as the guards were given them: no mask, no label, no word of ours.

        Of a channel that was stopped that is what had arrived; what came behind the stop was not read. Its size is
        bounded by the bytes that were fed.
        """

    def replies(self) -> list[bytes]:
        """The canonical JSON of each choice's assistant message as a client would send it back, label removed."""


class WholeOutput(NamedTuple):
    """A whole answer after the guard: body for the client, texts shown, what was found, the same as canonical replies.

    `said` are the model's own words by channel, see :meth:`OutputStream.said`.
    """

    data: bytes
    shown: tuple[Shown, ...]
    found: tuple[Found, ...]
    stopped: bool
    usage: dict[str, object] | None
    response_id: str
    replies: tuple[bytes, ...]
    said: Mapping[str, str]


__all__ = [
    "FieldGuard",
    "Found",
    "Out",
    "OutputContext",
    "OutputStream",
    "Path",
    "Piece",
    "Shown",
    "TurnRequest",
    "Unjudged",
    "WholeOutput",
    "place_of",
]
