"""Pages of the part `staff`: one's own account, everybody's, and tokens."""

from __future__ import annotations

from typing import Final

from zhengming.console.asked import Page
from zhengming.console.staff.account import PAGES as ACCOUNT
from zhengming.console.staff.factor import PAGES as FACTOR
from zhengming.console.staff.members import PAGES as MEMBERS
from zhengming.console.staff.token_pages import PAGES as TOKENS

PAGES: Final[tuple[Page, ...]] = (*ACCOUNT, *FACTOR, *MEMBERS, *TOKENS)
