"""Orders linked to the diagnoses that led to them."""
