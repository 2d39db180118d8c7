"""A checklist for the report of a study: the items of TRIPOD+AI and PROBAST+AI, answered as far as a run can."""
