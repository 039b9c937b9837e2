"""The console's part `playground`."""
