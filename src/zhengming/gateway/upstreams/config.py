"""How an upstream is described: a base URL, a key from the environment, models by alias, limits.

Descriptions come from `--upstream NAME=URL` options and from `upstreams.yaml` in the data directory. A key never
stands in either: only the name of the environment variable that holds it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from zhengming.gateway.upstreams.errors import UpstreamConfigError

REHEARSAL_URL: Final = "rehearsal:"
REHEARSAL_CHAT: Final = "zhengming-rehearsal"
REHEARSAL_EMBED: Final = "zhengming-rehearsal-embed"
FILE_NAME: Final = "upstreams.yaml"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HEADER_NAME = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_SECRET = re.compile(r"[\x21-\x7e]+", re.ASCII)
_ALIAS = re.compile(r"[^\x00-\x20\x7f]{1,200}")


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """Seconds of patience. `first_byte` runs from the request to the first byte of the body, `total` over all."""

    connect: float = 5.0
    first_byte: float = 300.0
    between_bytes: float = 120.0
    total: float = 900.0


class Secret:
    """A key that shows itself to nobody: `repr` and `str` hide it, `reveal()` alone gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key, for the one place that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(set)" if self._value else "Secret()"


@dataclass(frozen=True, slots=True)
class UpstreamConfig:
    """One upstream.

    `url` ends without a slash and takes the paths of the OpenAI API after its `/v1`. `models` maps the alias that
    clients use to the upstream's own model name; empty means that every name is passed on. `max_response_bytes`
    bounds one answer, whole or streamed; `forward_headers` names further request headers that may pass.
    """

    name: str
    url: str
    api_key: Secret = field(default_factory=Secret)
    models: Mapping[str, str] = field(default_factory=dict)
    timeouts: TimeOuts = field(default_factory=TimeOuts)
    max_response_bytes: int = 64 * 1024 * 1024
    max_connections: int = 1000
    forward_headers: frozenset[str] = frozenset()
    ca_file: str = ""

    @property
    def rehearsal(self) -> bool:
        """Whether this is the built-in upstream, which needs no network."""
        return self.url == REHEARSAL_URL


def key_variable(name: str) -> str:
    """Return the environment variable that holds the key of an upstream unless its description names another."""
    return f"ZHENGMING_UPSTREAM_{name.upper().replace('-', '_')}_KEY"


def parse_option(option: str, environment: Mapping[str, str]) -> UpstreamConfig:
    """Read one `NAME=URL`, as given to `--upstream`. Raises UpstreamConfigError."""
    name, sign, url = option.partition("=")
    if not sign or not name or not url:
        raise UpstreamConfigError(
            "An --upstream option is not of the form NAME=URL.",
            next_step="Write for example --upstream main=http://127.0.0.1:8000/v1.",
        )
    return parse_upstream({"name": name, "url": url}, environment)


def parse_upstream(given: Mapping[str, Any], environment: Mapping[str, str]) -> UpstreamConfig:
    """Read one record of the file. Raises UpstreamConfigError, which names the upstream and the field."""
    name = given.get("name", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UpstreamConfigError(
            "An upstream has no usable name.",
            next_step="Use up to 40 lower-case letters, digits, `-` and `_`, the first a letter or digit.",
        )
    known = {"name", "url", "key_env", "models", "timeouts"} | set(_LIMITS) | {"forward_headers", "ca_file"}
    _refuse_unknown(name, given, known)
    url = _url(name, given.get("url"))
    return UpstreamConfig(
        name=name,
        url=url,
        api_key=_key(name, given.get("key_env"), environment),
        models=_models(name, given.get("models")) or (_REHEARSAL_MODELS if url == REHEARSAL_URL else {}),
        timeouts=_timeouts(name, given.get("timeouts")),
        forward_headers=_header_names(name, given.get("forward_headers")),
        ca_file=_ca_file(name, given.get("ca_file")),
        **{key: _positive(name, key, given.get(key, default)) for key, default in _LIMITS.items()},
    )


_REHEARSAL_MODELS: Final = {REHEARSAL_CHAT: REHEARSAL_CHAT, REHEARSAL_EMBED: REHEARSAL_EMBED}


def rehearsal_config(name: str = "rehearsal") -> UpstreamConfig:
    """Return the description of the built-in upstream with its chat model first."""
    return UpstreamConfig(name=name, url=REHEARSAL_URL, models=_REHEARSAL_MODELS)


_LIMITS: Final = {
    key.name: key.default for key in fields(UpstreamConfig) if key.name in {"max_response_bytes", "max_connections"}
}


def read_file(path: Path, environment: Mapping[str, str]) -> tuple[tuple[UpstreamConfig, ...], dict[str, list[str]]]:
    """Read `upstreams.yaml`: the upstreams, and `routes` (alias -> names in the order in which they are asked).

    A missing file is an empty one. Raises UpstreamConfigError.
    """
    if not path.is_file():
        return (), {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = f" in line {mark.line + 1}" if (mark := getattr(error, "problem_mark", None)) else ""
        raise UpstreamConfigError(f"{path} is not valid YAML{where}.", next_step="Correct the file.") from error
    if not isinstance(content, dict) or set(content) - {"upstreams", "routes"}:
        raise UpstreamConfigError(f"{path} may hold `upstreams` and `routes` only.", next_step="Correct the file.")
    records = content.get("upstreams") or []
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UpstreamConfigError(f"`upstreams` in {path} is not a list of records.", next_step="Correct the file.")
    return tuple(parse_upstream(record, environment) for record in records), _routes(path, content.get("routes"))


def gather(
    options: Iterable[str], data_directory: Path, environment: Mapping[str, str]
) -> tuple[tuple[UpstreamConfig, ...], dict[str, list[str]]]:
    """Return every configured upstream, options first, and the routes of the file.

    An option takes the place of the record of the same name. With none at all the rehearsal upstream serves.
    """
    chosen = {config.name: config for config in (parse_option(option, environment) for option in options)}
    recorded, routes = read_file(data_directory / FILE_NAME, environment)
    for config in recorded:
        chosen.setdefault(config.name, config)
    if not chosen:
        chosen["rehearsal"] = rehearsal_config()
    return tuple(chosen.values()), routes


def _wrong(name: str, key: str, problem: str, next_step: str) -> UpstreamConfigError:
    return UpstreamConfigError(f"Upstream {name!r}: `{key}` {problem}.", next_step=next_step)


def _refuse_unknown(name: str, given: Mapping[str, Any], known: set[str]) -> None:
    for key in given:
        if key not in known:
            hint = " A key belongs into the environment, never into this file." if "key" in str(key) else ""
            raise _wrong(name, str(key), "is not a setting", f"Known are {', '.join(sorted(known))}.{hint}")


def _url(name: str, given: object) -> str:
    if given in (REHEARSAL_URL, REHEARSAL_URL + "//"):
        return REHEARSAL_URL
    correct = "Write a base URL such as https://api.example.com/v1."
    if not isinstance(given, str) or not given.isascii() or re.search(r"[\x00-\x20\x7f]", given):
        raise _wrong(name, "url", "is missing or holds characters that no URL may hold", correct)
    try:
        parts = urlsplit(given)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise _wrong(name, "url", "is no URL", correct) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid:
        raise _wrong(name, "url", "is not an http or https URL with a host", correct)
    if parts.username is not None or parts.query or parts.fragment or "?" in given or "#" in given:
        raise _wrong(
            name, "url", "holds credentials, a query or a fragment", f"Put the key into {key_variable(name)} instead."
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


def _key(name: str, variable: object, environment: Mapping[str, str]) -> Secret:
    if variable is None:
        variable = key_variable(name)
    elif not isinstance(variable, str) or not _ENVIRONMENT_NAME.fullmatch(variable):
        raise _wrong(name, "key_env", "is not the name of an environment variable", f"Use {key_variable(name)}.")
    elif variable not in environment:
        raise _wrong(name, "key_env", f"names {variable}, which is not set", f"Set {variable} and start again.")
    value = environment.get(variable, "").strip()
    if value and not _SECRET.fullmatch(value):
        raise _wrong(name, "key_env", f"names {variable}, which holds characters that no key may hold", "Set it anew.")
    return Secret(value)


def _models(name: str, given: object) -> dict[str, str]:
    correct = "Write `models: {alias: model}` or a list of names."
    if given is None:
        return {}
    if isinstance(given, list):
        given = {model: model for model in given if isinstance(model, str)} if _all_text(given) else None
    if not isinstance(given, dict) or not _all_text([*given, *given.values()]):
        raise _wrong(name, "models", "is not a mapping of names", correct)
    return {str(alias): str(model) for alias, model in given.items()}


def _all_text(given: list[object]) -> bool:
    return all(isinstance(item, str) and _ALIAS.fullmatch(item) is not None for item in given)


def _timeouts(name: str, given: object) -> TimeOuts:
    if given is None:
        return TimeOuts()
    known = {key.name for key in fields(TimeOuts)}
    if not isinstance(given, dict) or set(given) - known:
        raise _wrong(name, "timeouts", "may hold connect, first_byte, between_bytes and total only", "Correct it.")
    return TimeOuts(**{key: _positive(name, f"timeouts.{key}", value) for key, value in given.items()})


def _positive(name: str, key: str, value: Any) -> Any:
    whole = not key.startswith("timeouts.")
    allowed = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed) or not 0 < value < float("inf"):
        raise _wrong(name, key, "is not a number above zero", "Give seconds, bytes or a count.")
    return value if whole else float(value)


def _header_names(name: str, given: object) -> frozenset[str]:
    if given is None:
        return frozenset()
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise _wrong(name, "forward_headers", "is not a list of header names", "Correct it.")
    names = frozenset(item.lower() for item in given)
    for item in names:
        if not _HEADER_NAME.fullmatch(item) or item in NEVER_FORWARDED:
            raise _wrong(name, "forward_headers", f"may not hold {item!r}", "That header is the gateway's own.")
    return names


NEVER_FORWARDED: Final = frozenset(
    {
        *("accept-encoding", "api-key", "authorization", "connection", "content-encoding", "content-length"),
        *("content-type", "cookie", "expect", "forwarded", "host", "keep-alive", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-api-key"),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"),
    }
)


def _ca_file(name: str, given: object) -> str:
    if given is None:
        return ""
    if not isinstance(given, str) or not Path(given).is_file():
        raise _wrong(name, "ca_file", "is not a file", "Give the path of a PEM file with the authority's certificate.")
    return given


def _routes(path: Path, given: object) -> dict[str, list[str]]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(
        isinstance(names, list) and names and _all_text([alias, *names]) for alias, names in given.items()
    ):
        raise UpstreamConfigError(
            f"`routes` in {path} is not a mapping of an alias to a list of upstream names.", next_step="Correct it."
        )
    return {str(alias): [str(name) for name in names] for alias, names in given.items()}
