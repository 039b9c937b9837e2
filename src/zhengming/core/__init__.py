"""The words of the domain as types: ids, enumerations, signals, verdicts, errors.

The lowest layer: every other package may import it, and it imports none of them.
"""
