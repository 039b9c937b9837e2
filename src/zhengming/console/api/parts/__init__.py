"""One module an area: its models, what it does, and its rows of the table of operations."""
