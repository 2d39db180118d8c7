"""Ways in which risk arises, one file each: it draws its codes, scores patients, and tells the truth about itself.

`single_codes` gives risk to codes, linked or not; `pairs` gives it to links alone. `logit` is shared by all ways.
"""
