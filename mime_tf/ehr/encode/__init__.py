"""Codes numbered, nested and written as a cohort."""
