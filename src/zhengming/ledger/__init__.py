"""The append-only evidence log: RFC 6962 hashes, proofs, and texts encrypted per person.

`append(tx, event, fields)` inside a unit of the store is all that a domain needs; `Ledger.attach(store, signer)` is
called once, where the store is opened.
"""

from zhengming.ledger.commitments import commitment, new_salt
from zhengming.ledger.entries import append
from zhengming.ledger.head import Signer, load_signer
from zhengming.ledger.ledger import Ledger
from zhengming.ledger.master import MasterKey, load_master, rewrap
from zhengming.ledger.vault import Vault

__all__ = [
    "Ledger",
    "MasterKey",
    "Signer",
    "Vault",
    "append",
    "commitment",
    "load_master",
    "load_signer",
    "new_salt",
    "rewrap",
]
