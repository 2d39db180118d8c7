"""Names of measures, as tables and bounds have them."""

AUC, OE = "auc", "observed_to_expected"
UNKNOWN_CODES, SCORE_PSI, CODE_DISTANCE = "unknown_codes", "score_psi", "code_distance"
PREVALENCE, MEAN_PROBABILITY, NOTHING_KNOWN = "prevalence", "mean_probability", "nothing_known"
MEDIAN_AGE, SEX = "median_age", "sex"
