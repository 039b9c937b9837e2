"""What an orchestrator and an engineer on call ask: is it alive, can it serve, what are its figures."""

from __future__ import annotations

from zhengming.core.errors import UnavailableError
from zhengming.gateway.admit import authenticate
from zhengming.gateway.context import Gateway
from zhengming.gateway.http import Client, Receive, Scope

_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


async def healthz(_gateway: Gateway, _scope: Scope, _receive: Receive, client: Client) -> None:
    """Say that the process runs."""
    await client.respond(200, b'{"status":"ok"}')


async def missing_parts(gateway: Gateway) -> list[str]:
    """Return what turns cannot be served without and is not there: `store`, `upstream`, `rules`; empty when ready."""
    missing = []
    try:
        await gateway.store.read(lambda tx: tx.one("SELECT 1"))
    except UnavailableError:
        missing.append("store")
    if not gateway.upstreams.ready():
        missing.append("upstream")
    if gateway.rules.failure:
        missing.append("rules")
    return missing


async def readyz(gateway: Gateway, _scope: Scope, _receive: Receive, client: Client) -> None:
    """Say whether turns can be served: the store answers, an upstream may be asked, rules are in force."""
    missing = await missing_parts(gateway)
    if missing:
        names = ",".join(f'"{name}"' for name in missing)
        await client.respond(503, b'{"status":"not_ready","missing":[%s]}' % names.encode("ascii"))
        return
    await client.respond(200, b'{"status":"ready"}')


async def metrics(gateway: Gateway, scope: Scope, _receive: Receive, client: Client) -> None:
    """Give the Prometheus exposition; with a key only, unless the operator left it open."""
    if not gateway.metrics_open:
        authenticate(gateway, scope, "chat")
    gateway.metrics.active.set(gateway.active)
    for health in gateway.upstreams.health():
        gateway.metrics.upstream_open.labels(health.name).set(float(health.state == "open"))
    body = gateway.metrics.render()
    await client.start(200, [_TEXT, (b"content-length", b"%d" % len(body))])
    await client.write(body, more=False)
