"""Contributions of visits, Dx-objects, diagnoses and diagnosis-order pairs to a score."""
