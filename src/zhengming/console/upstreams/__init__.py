"""The console's part `upstreams`."""
