"""Simulated cohorts with a known truth: the command `mime-tf simulate`.

All patients share a `world`, drawn from `parameters`. `patients` draws records from it, each file of `risk` adds a way
in which risk arises, `simulation` joins them, and `files` writes the cohort and its truth. The mode `related` has a
world and patients of its own. `unlinking` takes links from orders in any mode.
"""
