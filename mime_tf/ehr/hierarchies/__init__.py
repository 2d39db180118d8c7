"""Ancestors of codes: hierarchy.csv, and codes replaced by their ancestors.

`rules` knows the code systems in which a code's beginning says what it belongs to, `relations` reads tables of parents,
`closure` finds all ancestors of a code, `build` makes the cohort's hierarchy, and `roll_up` replaces codes.
"""
