"""FastAPI is for those who ask the API: neither a start nor a page loads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.console.api.conftest import Calling
from tests.gateway.served import Served

SCRIPT = """
import sys
from pathlib import Path
import httpx2
from tests.gateway.served import serving
from zhengming.app.settings import Settings

with serving(Settings(data=Path(sys.argv[1]), port=0, durability="normal")) as site:
    with httpx2.Client(base_url=site.url, timeout=30) as client:
        for path in ("/", "/sign-in", "/healthz", "/static/style.css"):
            client.get(path)
        print("told", "fastapi" in sys.modules)
        print("told", client.get("/api/about").status_code, "fastapi" in sys.modules)
"""


def test_only_a_request_of_the_api_loads_fastapi(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "data")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own script

    assert [line for line in told.stdout.splitlines() if line.startswith("told")] == ["told False", "told 401 True"]


def test_the_bare_address_leads_to_the_page(embedded: Served, calling: Calling) -> None:
    answer = calling(embedded).get(f"{embedded.url}/api")

    assert (answer.status_code, answer.headers["location"]) == (303, "/api/docs")


def test_the_page_is_read_in_both_languages_and_lists_every_operation(embedded: Served, calling: Calling) -> None:
    from zhengming.console.api.operations import OPERATIONS

    client = calling(embedded)

    for language, word in (("zh-CN", "管理接口"), ("en", "Management API")):
        page = client.get("/docs", headers={"accept-language": language})
        assert word in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert all(f'id="{operation.name}"' in page.text for operation in OPERATIONS)
        assert f"{embedded.url}/api/turns" in page.text
