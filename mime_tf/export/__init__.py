"""A fitted split as a SavedModel with its model card."""
