"""A run on disk: names of its files, its record, opening and vetting a fitted split, reading its results."""
