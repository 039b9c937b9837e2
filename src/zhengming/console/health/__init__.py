"""The console's part `health`."""
