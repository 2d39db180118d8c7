"""A small HTTP server of one model: scores for patients as JSON, and a CDS Hooks service for bundles of FHIR."""
