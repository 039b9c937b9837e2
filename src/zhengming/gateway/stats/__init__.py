"""Counts over turns, rolled up into stretches of time, so that an overview of millions of turns is read in no time.

`tally` counts one stretch, `counting` finds the stretches that are due and stores them, `reading` adds them up.
"""
