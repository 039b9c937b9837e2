"""The console's part `services`."""
