"""FHIR R4 resources as an export."""
