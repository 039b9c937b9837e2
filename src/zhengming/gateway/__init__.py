"""The OpenAI-compatible gateway: a chat turn from the request to its closing ledger entry."""
