"""Every setting of a gateway process, from the command line, the environment, or the default, in this order.

A field's environment variable is `ZHENGMING_` and its name in capitals.
`docs/reference/settings.md` is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, get_origin, get_type_hints

from zhengming.core.errors import InvalidInputError

Durability = Literal["full", "normal"]
WhenDown = Literal["allow", "refuse"]
WhenFailing = Literal["refuse", "allow"]
SecondFactor = Literal["optional", "required"]

PREFIX: Final = "ZHENGMING_"
DATABASE_FILE: Final = "zhengming.sqlite3"
_DEFAULT_DATA: Final = Path("data")


def _setting(default: Any, meaning: str, *, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"meaning": meaning, "choices": choices})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process; immutable, so that a change is a restart or a row in the database."""

    data: Path = _setting(
        _DEFAULT_DATA, "Folder for the database, keys and rules of the operator; made when missing, for its owner only."
    )
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8600, "Port to listen on.")
    database: str = _setting(
        "", "Database URL, such as `postgresql+psycopg://user@host/name`; empty means SQLite in the data folder."
    )
    redis: str = _setting("", "Redis URL for limits shared by replicas; empty means in-process.")
    upstream: tuple[str, ...] = _setting(
        (), "Upstreams as `NAME=URL`, comma-separated in the environment; none means the built-in rehearsal model."
    )
    rules: tuple[str, ...] = _setting(
        (), "Rule files (YAML or CSV) of the operator, loaded beside the starter library and again when they change."
    )
    policy: str = _setting("", "Policy file (YAML) in place of the default policy.")
    starter_rules: bool = _setting(True, "Whether the starter library is loaded.")
    detector_error: WhenFailing = _setting(
        "refuse",
        "What happens to a turn when a detector fails; a service may say otherwise.",
        choices=("refuse", "allow"),
    )
    durability: Durability = _setting(
        "full",
        "SQLite's `synchronous`: `full` survives a power cut, `normal` only a crash of the process.",
        choices=("full", "normal"),
    )
    max_body_bytes: int = _setting(20_000_000, "Largest request body.")
    max_answer_bytes: int = _setting(
        50_000_000, "Largest answer of an upstream, streamed or not; more is cut off with an error."
    )
    body_seconds: float = _setting(30.0, "How long a client may take to send a request body.")
    max_active_turns: int = _setting(2_000, "Turns under way at once in this process; more are answered with 503.")
    poll_seconds: float = _setting(0.5, "How often switches, keys, services and rule files are looked at for changes.")
    key_seconds: float = _setting(60.0, "At most this often is the last use of a key written down.")
    limits_down: WhenDown = _setting(
        "allow",
        "What happens to requests while Redis is down; safety does not depend on limits.",
        choices=("allow", "refuse"),
    )
    region: str = _setting("CN", "ISO 3166 code of the country whose help lines are shown.")
    hotlines: str = _setting("", "Hotline file (YAML) in place of the packaged one.")
    log_level: str = _setting("info", "Least level that is logged.", choices=("debug", "info", "warning", "error"))
    metrics_open: bool = _setting(True, "Whether `/metrics` answers without a key; it carries no text and no identity.")

    console: bool = _setting(True, "Whether the console and the management API are served beside the gateway.")
    console_address: str = _setting(
        "", "Where people reach the console, such as `https://console.example.org`; `https` makes its cookies secure."
    )
    console_hosts: tuple[str, ...] = _setting(
        (),
        "Further host names of the console, comma-separated in the environment; IP addresses, `localhost` and the name"
        " in the console's address always open it, any other name is refused (DNS rebinding).",
    )
    second_factor: SecondFactor = _setting(
        "optional",
        "Whether staff accounts must have a second factor.",
        choices=("optional", "required"),
    )
    api_requests_per_minute: int = _setting(
        600, "How many requests a minute one token may make of the management API; 0 means no limit."
    )
    fine_count_days: int = _setting(
        14, "How many days counts of five minutes are kept, at least 2; those of hours and days stay. 0 keeps them too."
    )
    conversation_days: int = _setting(
        400,
        "How many days after its last answer a conversation is known again by its history; 0 knows it for ever.",
    )
    sign_in_days: int = _setting(400, "How many days attempts to sign in can be looked at; 0 keeps them for ever.")

    @property
    def database_url(self) -> str:
        """The URL that the store opens."""
        return self.database or f"sqlite:///{self.data / DATABASE_FILE}"


def variable(setting: Field[Any]) -> str:
    """The environment variable of a field."""
    return PREFIX + setting.name.upper()


def load(environ: Mapping[str, str], **given: object) -> Settings:
    """Return the settings; `given` holds what the command line named, None standing for not named.

    Raises InvalidInputError that names the variable and what it may hold.
    """
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        named = given.get(setting.name)
        if named is not None and named != ():
            values[setting.name] = _checked(setting, named)
        elif variable(setting) in environ:
            values[setting.name] = _checked(setting, _parsed(setting, hints[setting.name], environ[variable(setting)]))
    return Settings(**values)


def _parsed(setting: Field[Any], kind: Any, text: str) -> object:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.strip().lower()]
        if kind in (int, float, Path):
            return kind(text)
        if get_origin(kind) is tuple:
            return tuple(part.strip() for part in text.split(",") if part.strip())
    except (KeyError, ValueError) as error:
        expected = "yes or no" if kind is bool else f"a value of type {kind.__name__}"
        raise InvalidInputError(
            f"{variable(setting)} is {text!r}, which is not {expected}.", next_step=str(setting.metadata["meaning"])
        ) from error
    return text


def _checked(setting: Field[Any], value: object) -> object:
    choices = setting.metadata["choices"]
    if choices and value not in choices:
        raise InvalidInputError(
            f"{variable(setting)} is {value!r}.", next_step=f"It may be one of: {', '.join(choices)}."
        )
    return value
