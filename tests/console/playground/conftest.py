"""Upstreams whose every byte a test decides."""

from __future__ import annotations

from tests.gateway.conftest import upstream

__all__ = ["upstream"]
