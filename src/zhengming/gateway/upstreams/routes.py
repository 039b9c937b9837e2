"""Which upstreams may answer for a model, and in which order they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zhengming.gateway.upstreams.config import UpstreamConfig
from zhengming.gateway.upstreams.errors import UnknownModelError, UpstreamConfigError


class Target(NamedTuple):
    """One possible place for a request: the upstream's name, and what it calls the model."""

    upstream: str
    model: str


class RouteTable:
    """Model alias -> targets in the order in which they are asked.

    An alias served by several upstreams is asked for in the order of `routes`, else in the order of the upstreams.
    An upstream without `models` takes every name: as it stands when it is the only upstream, else as `NAME/model`.
    """

    def __init__(self, configs: Sequence[UpstreamConfig], routes: Mapping[str, Sequence[str]] | None = None) -> None:
        """Raise UpstreamConfigError when two upstreams share a name or a route names what does not exist."""
        self._known = {config.name: config for config in configs}
        if len(self._known) != len(configs) or not configs:
            raise UpstreamConfigError("Upstreams need distinct names, at least one.", next_step="Rename one of them.")
        self._open = frozenset(config.name for config in configs if not config.models)
        self._default = configs[0].name if len(configs) == 1 and self._open else ""
        self._targets: dict[str, tuple[Target, ...]] = {}
        for config in configs:
            for alias, model in config.models.items():
                self._targets[alias] = (*self._targets.get(alias, ()), Target(config.name, model))
        for alias, names in (routes or {}).items():
            self._targets[alias] = tuple(self._named(alias, name) for name in names)

    def _named(self, alias: str, name: str) -> Target:
        config = self._known.get(name)
        if config is None or (config.models and alias not in config.models):
            raise UpstreamConfigError(
                f"The route {alias!r} names the upstream {name!r}, which does not serve it.",
                next_step="Name an upstream of the file that has the alias under `models`.",
            )
        return Target(name, config.models.get(alias, alias))

    @property
    def aliases(self) -> tuple[str, ...]:
        """Every alias that is configured by name, in the order of the configuration."""
        return tuple(self._targets)

    @property
    def passing(self) -> frozenset[str]:
        """The upstreams that take every model name."""
        return self._open

    @property
    def default(self) -> str:
        """The only upstream, when it takes every model name; else ""."""
        return self._default

    def targets(self, alias: str) -> tuple[Target, ...]:
        """Return where to ask for `alias`, at least one target. Raises UnknownModelError."""
        found = self._targets.get(alias)
        if found is not None:
            return found
        if alias and self._default:
            return (Target(self._default, alias),)
        name, slash, model = alias.partition("/")
        if slash and model and name in self._open:
            return (Target(name, model),)
        raise UnknownModelError(f"The model {alias[:200]!r} does not exist here.", next_step=self._advice())

    def _advice(self) -> str:
        names = [*self._targets][:20] + [f"{name}/<model>" for name in sorted(self._open) if not self._default]
        return f"Use one of: {', '.join(names)}." if names else "Name a model."
