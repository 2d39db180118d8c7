"""Pages, cards and figures as templates and drawings: the parts that explanations, reports and model cards share."""
