"""The command line of the demo: `zhengming demo traffic`. Nothing heavy is imported before the command runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zhengming.demo.tally import Tally
    from zhengming.demo.traffic import Traffic

demo_app = typer.Typer(help="Believable traffic for trying the product out.", no_args_is_help=True)


@demo_app.callback()
def demo() -> None:
    """Believable traffic for trying the product out."""


@demo_app.command("traffic")
def traffic(  # noqa: PLR0917 - the command line passes options by name
    rate: Annotated[float, typer.Option(min=0, help="Messages a second; 0 is as fast as possible.")] = 2.0,
    minutes: Annotated[float, typer.Option(min=0, help="How long; 0 is until --turns or Ctrl-C.")] = 5.0,
    turns: Annotated[int, typer.Option(min=0, help="How many messages; 0 is no bound.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same conversations.")] = 1,
    url: Annotated[str, typer.Option(help="The gateway, with /v1.")] = "http://127.0.0.1:8600/v1",
    key: Annotated[str, typer.Option(envvar="ZHENGMING_KEY", help="An API key; without it, --data.")] = "",
    data: Annotated[
        Path | None, typer.Option(help="The gateway's data folder: demo services and keys are made there.")
    ] = None,
    database: Annotated[str, typer.Option(envvar="ZHENGMING_DATABASE", help="Its database URL, if not SQLite.")] = "",
    model: Annotated[str, typer.Option(help="The model to name.")] = "zhengming-rehearsal",
) -> None:
    """Send made-up conversations in Chinese and English through a gateway, so that its pages can be seen full."""
    from zhengming.core.errors import InvalidInputError  # noqa: PLC0415 - see the module

    if not rate and not turns and not minutes:
        raise InvalidInputError("Traffic without a pace and without an end.", next_step="Give --turns or --minutes.")
    with _keys(key, data, database) as found:
        asyncio.run(_run(url.rstrip("/"), model, found, seed=seed, rate=rate, turns=turns, seconds=minutes * 60))


@contextmanager
def _keys(key: str, data: Path | None, database: str) -> Iterator[Mapping[str, str]]:
    """The keys by kind of person: those of demo services with --data, else the one that was given for everybody."""
    from zhengming.core.errors import InvalidInputError  # noqa: PLC0415 - see the module
    from zhengming.demo.services import demo_keys  # noqa: PLC0415 - see the module

    if data is not None:
        with demo_keys(data, database) as found:
            yield found
    elif key:
        yield {"": key}
    else:
        raise InvalidInputError(
            "The traffic needs a key.", next_step="Give --data with the gateway's data folder, or --key zm-...."
        )


async def _run(
    url: str, model: str, keys: Mapping[str, str], *, seed: int, rate: float, turns: int, seconds: float
) -> None:
    from rich.console import Console  # noqa: PLC0415 - see the module
    from rich.table import Table  # noqa: PLC0415 - see the module

    from zhengming.demo.reached import reached  # noqa: PLC0415 - see the module
    from zhengming.demo.traffic import Target, Traffic  # noqa: PLC0415 - see the module

    console = Console()
    await reached(url, next(iter(keys.values())))
    with console.status("...") as status:

        def told(tally: Tally) -> None:
            status.update(f"{tally.turns} messages, {len(tally.people)} end users; Ctrl-C ends it")

        work = Traffic(Target(url, model, keys), seed, rate, turns, seconds, told)
        with _ended_by_interrupt(work):
            took = await work.run()
    table = Table("demo traffic", f"seed {seed}", box=None)
    for name, value in work.tally.rows(took):
        table.add_row(name, value)
    if rate:
        table.add_row("asked for", f"{rate:g} messages a second")
    console.print(table)


@contextmanager
def _ended_by_interrupt(work: Traffic) -> Iterator[None]:
    """Ctrl-C ends the traffic in good order: what is under way is left, keys are revoked, the summary is printed."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
