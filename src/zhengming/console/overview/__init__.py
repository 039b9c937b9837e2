"""The console's part `overview`."""
