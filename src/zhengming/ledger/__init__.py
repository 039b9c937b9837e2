"""The append-only evidence log: RFC 6962 hashes, proofs, and texts encrypted per person."""
