"""Measures of predictions of several outcomes per patient: how well they are ranked."""
