"""Measures of a model with bootstrap intervals: discrimination, calibration, thresholds, subgroups, comparison."""
