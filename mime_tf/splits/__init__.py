"""Division of a cohort into train, valid and test."""
