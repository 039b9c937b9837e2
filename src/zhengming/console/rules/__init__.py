"""The console's part `rules`."""
