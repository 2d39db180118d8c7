"""Ways in which risk arises, one file each: it draws its codes, scores patients, and tells the truth about itself.

`single_codes` gives risk to codes, linked or not, and `pairs` to links alone: the mode `additive` has both.
`interaction`, `recency`, `recency_days`, `order` and `stopping` are a mode each. `logit` and `occurrences` are shared.
"""
