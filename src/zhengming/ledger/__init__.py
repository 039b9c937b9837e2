"""The append-only evidence log: RFC 6962 hashes, proofs, and texts encrypted per person.

`append(tx, event, fields)` inside a unit of the store is all that a domain needs; :class:`Ledger` is attached once,
where the store is opened.
"""

from zhengming.ledger.entries import append

__all__ = ["append"]
