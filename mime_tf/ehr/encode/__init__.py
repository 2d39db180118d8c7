"""The selected rows as a cohort on disk.

`features` gathers the Dx-objects and orders that rows may use, `codes` numbers them, `pruning` drops rare and unknown
codes, and `nesting` makes a `Store`; `audit` looks for leaks, and `output` writes the files.
"""
