"""Readers of exports: Synthea, FHIR, OMOP and mapped tables become the tables of `mime_tf.ehr.schema`."""
