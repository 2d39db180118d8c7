"""Cohort designs: patients, prediction times and labels."""
