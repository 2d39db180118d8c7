"""Words of hierarchies that the command line has as well."""

# Rules of code systems (`--hierarchy_rules`); `mime_tf.ehr.hierarchies.rules` has them.
RULES = ("icd10", "icd9", "atc")

# Codes without an ancestor of the level that replaces them (`--roll_up_missing`).
MISSING = ("stay", "drop")
