"""Services, API keys, end users, conversations, switches and limits."""
