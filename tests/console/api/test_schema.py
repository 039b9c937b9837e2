"""The running API against its own document: schemathesis invents requests, and every check looks at every answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from tests.console.api.conftest import token_for
from tests.gateway.served import Served, serving

from zhengming.app.settings import Settings
from zhengming.console.api.build import application
from zhengming.console.api.document import document_of
from zhengming.core.words import Role

# Two bounds of a profile cannot be said in JSON Schema: a label wording must hold the words of GB 45438-2025, and a
# provider code its check digit. Both are told with 400, which is no sign of a wrong document here.
ACCEPTED = ["2xx", "3xx", "400", "401", "403", "404", "409", "412"]
CONFIG = SchemathesisConfig.from_dict(
    {
        "operations": [
            {
                "include-operation-id": ["create_service", "update_service"],
                "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
            }
        ]
    }
)
schema = schemathesis.openapi.from_dict(document_of(application(), "of a test"), config=CONFIG)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all operations, so that what one makes the others meet."""
    data = tmp_path_factory.mktemp("api") / "data"
    with serving(Settings(data=data, port=0, durability="normal", api_requests_per_minute=0)) as found:
        yield found


@pytest.fixture(scope="module")
def headers(site: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(site, Role.OWNER)}"}


@schema.parametrize()
@settings(max_examples=15, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_an_operation_keeps_its_document(case: schemathesis.Case[Any], site: Served, headers: dict[str, str]) -> None:
    case.call_and_validate(base_url=f"{site.url}/api", headers=headers)
