"""What can be wrong with the ledger and with sealed texts."""

from __future__ import annotations

from zhengming.core.errors import NotFoundError, UnavailableError, ZhengmingError


class LedgerBrokenError(UnavailableError):
    """The head that an append would build on is missing or forged; nothing is appended, no evidence, no service."""

    code = "ledger_broken"


class EntryNotFoundError(NotFoundError):
    """No entry has this id or seq."""

    code = "entry_not_found"


class PersonErasedError(NotFoundError):
    """The key of the person was destroyed; the text cannot be read by anybody any more."""

    code = "person_erased"


class SealBrokenError(ZhengmingError):
    """A sealed text was changed, or belongs to another person or entry."""

    code = "seal_broken"


class KeyFileError(ZhengmingError):
    """A key file is unusable: too open, too short, or not the one that was used before."""

    code = "key_file"
