"""LiteLLM's proxy for comparison: installed on demand into a virtual environment of its own, never a dependency.

Two configurations: plain, and with its own content filter (100 words, before and after the call). Both ask for the
master key, without which this version does not start; ours asks for a key as well.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from pathlib import Path
from typing import Final

from bench.common import ROOT
from bench.ordinary import patterns

VERSION: Final = "1.106.2"
HOME: Final = ROOT / "bench" / ".venvs" / "litellm"
FILTERED_WORDS: Final = 100
KEY: Final = f"sk-{secrets.token_hex(32)}"
ENVIRONMENT: Final = {
    "LITELLM_MASTER_KEY": KEY,
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for prices at every start
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOG": "ERROR",
    "DO_NOT_TRACK": "1",
    "NO_PROXY": "127.0.0.1,localhost",
}


def install() -> str:
    """Make sure that LiteLLM is there. Return "" when it is, else why it is not."""
    python = HOME / "bin" / "python"
    uv = ROOT / ".venv" / "bin" / "uv"
    if _installed():
        return ""
    try:
        subprocess.run([uv, "venv", "-q", "--clear", "--python", "3.11", HOME], check=True, capture_output=True)
        requirement = f"litellm[proxy]=={VERSION}"
        subprocess.run([uv, "pip", "install", "-q", "--python", python, requirement], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", b"") or b""
        return f"LiteLLM {VERSION} cannot be installed: {detail.decode(errors='replace').strip()[-400:] or error}"
    return "" if _installed() else "LiteLLM was installed but does not start."


def _installed() -> bool:
    return (HOME / "bin" / "litellm").exists() and any(HOME.glob(f"lib/*/site-packages/litellm-{VERSION}.dist-info"))


def write_config(path: Path, upstream: str, *, filtered: bool) -> Path:
    """Write a configuration (JSON is YAML) for the mock model at `upstream` and return its path."""
    content: dict[str, object] = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{name}", "api_base": upstream, "api_key": "sk-mock"},
            }
            for name in ("mock-whole", "mock-paced", "mock-burst")
        ],
        "litellm_settings": {"telemetry": False, "num_retries": 0, "set_verbose": False},
    }
    if filtered:
        words = [{"keyword": word, "action": "BLOCK"} for word in patterns(FILTERED_WORDS)]
        content["guardrails"] = [
            {
                "guardrail_name": "content-filter",
                "litellm_params": {
                    "guardrail": "litellm_content_filter",
                    "mode": ["pre_call", "post_call"],
                    "default_on": True,
                    "blocked_words": words,
                },
            }
        ]
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
    return path


def command(config: Path, port: int) -> list[str]:
    """Return the command that starts the proxy with one worker."""
    program = str(HOME / "bin" / "litellm")
    return [program, "--config", str(config), "--port", str(port), "--host", "127.0.0.1", "--telemetry", "False"]
