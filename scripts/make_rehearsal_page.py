"""Write docs/reference/rehearsal.md from the documented prompts of the rehearsal upstream.

python scripts/make_rehearsal_page.py            write the page if it is out of date
python scripts/make_rehearsal_page.py --check    write nothing; exit 1 when it is out of date
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zhengming.gateway.upstreams.config import REHEARSAL_CHAT, REHEARSAL_EMBED
from zhengming.gateway.upstreams.rehearsal import REHEARSALS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "rehearsal.md"
HEAD = f"""<!-- Made by scripts/make_rehearsal_page.py from rehearsals.yaml; do not edit. -->

# The rehearsal upstream

Without `--upstream` a gateway answers from inside its own process: no model, no network, no key. The rehearsal is no
model; it recognises the prompts below anywhere in the last message of the user, whatever their case, spacing and final
punctuation, and says a few fixed texts to anything else, in Chinese or English as the message is. The same request
always gets the same bytes. Why it is built so: [Upstreams](../explanation/upstreams.md).

- Models: `{REHEARSAL_CHAT}` for text, `{REHEARSAL_EMBED}` for vectors (they depend on the text, and mean nothing).
- Paths: `/v1/chat/completions`, `/v1/responses`, `/v1/completions`, `/v1/embeddings`, `/v1/models`.
- Streams come in pieces of 1 to 5 characters whose lengths depend on the prompt alone, without pauses.
- Honoured: `n`, `logprobs`, `tools` and `tool_choice`, `response_format` (`text.format`), `stop`, `max_tokens` and its
  kin, `stream_options.include_usage`, `reasoning_effort`. A piece counts as one token.
- A schema or a tool is filled with the text of the prompt in its first string, and with `13800138000` where a
  property's name speaks of a telephone.

Every number and person is made up: the resident id is the specimen of GB 11643-1999, the mobile number the placeholder
of Chinese manuals.

"""


def page() -> str:
    """Return the page."""
    rows = ["| id | prompt (中文) | prompt (English) | what it shows |", "|---|---|---|---|"]
    rows += [
        f"| `{one.id}` | {one.prompt['zh']} | {one.prompt['en']} | {one.shows['zh']}<br>{one.shows['en']} |"
        for one in REHEARSALS
    ]
    return HEAD + "\n".join(rows) + "\n"


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = page()
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    if check:
        print(f"{PAGE} is out of date; run scripts/make_rehearsal_page.py", file=sys.stderr)
        return 1
    PAGE.write_text(text, "utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
