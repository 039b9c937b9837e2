"""Bounded regular expressions over folded text: parsing, a position automaton, threads with their earliest start."""
