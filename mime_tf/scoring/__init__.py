"""Probabilities of patients by a trained model."""
