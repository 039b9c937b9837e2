"""The console's part `signin`."""
