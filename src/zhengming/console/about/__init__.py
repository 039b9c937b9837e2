"""The console's part `about`."""
