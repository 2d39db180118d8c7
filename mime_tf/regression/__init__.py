"""Models that see the links and no network: regression and boosting on codes, linked pairs, age and sex."""
