"""The console's part `switches`."""
