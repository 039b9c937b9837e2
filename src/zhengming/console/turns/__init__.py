"""The console's part `turns`."""
