"""The console's part `staff`."""
