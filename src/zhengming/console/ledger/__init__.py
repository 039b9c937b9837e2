"""The console's part `ledger`."""
