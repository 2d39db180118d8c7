"""The commands of `mime-tf`, a module each: `parser` makes its command line, `run` makes one call of a function.

Attributes:
    COMMANDS: dict from the name of each command, its module's, to a summary; only the module that is run is imported.
"""

COMMANDS = {
    "train": "train a model per split of a cohort",
    "convert": "make a cohort of an EHR export",
    "pack": "turn a cohort's .seqs and .labels into one Parquet file",
    "simulate": "make a cohort whose risk is known: from links, single codes, interactions, recency or order",
    "evaluate": "measure a trained model: discrimination, calibration, operating points",
    "recalibrate": "fit a trained model's probabilities to patients of another place or time",
    "validate": "measure one model at several sites or in several periods",
    "monitor": "measure a trained model by month, quarter or year, with bounds for a cron job",
    "predict": "score patients with a trained model",
    "explain": "tell what moved the score of a patient, or which pairs matter most in a cohort",
    "report": "write one page about a trained model",
    "tripod": "draft a TRIPOD+AI checklist and PROBAST+AI answers from a run",
    "ablate": "tell whether the links help, on your own data",
    "export": "write a trained model for servers, with a model card",
    "serve": "serve a trained model by HTTP, also to CDS Hooks",
    "import_tf1": "turn a TensorFlow 1.x checkpoint of the authors' program into a fitted split",
}
