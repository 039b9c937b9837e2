"""One style of SQL for both databases: named places `:name`.

SQLite's driver reads `:name` as it stands. psycopg wants `%(name)s`; :func:`to_psycopg` translates a statement once and
keeps the result. Strings, quoted names, comments, dollar quotes and `::` casts are left alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      '(?:[^']|'')*'                           # a string
    | "(?:[^"]|"")*"                           # a quoted name
    | --[^\n]*                                 # a comment to the end of the line
    | /\*.*?\*/                                # a comment between marks
    | (?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag)  # a dollar-quoted string
    | ::                                       # a cast
    | (?<![\w:]):(?P<name>[A-Za-z_]\w*)        # a place
    | %                                        # psycopg's own mark
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=4096)
def to_psycopg(sql: str) -> str:
    """Return the statement with each `:name` as `%(name)s` and every literal `%` doubled."""
    return _TOKEN.sub(_translate, sql)


def _translate(found: re.Match[str]) -> str:
    name = found["name"]
    return f"%({name})s" if name else found[0].replace("%", "%%")
