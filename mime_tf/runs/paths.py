"""Paths of a run's files, which all start with its output prefix."""

from mime_tf.config import TrainConfig

RECORD = "run.json"


def record_path(output_prefix: str) -> str:
    """Returns the path of the run's record, `<output>run.json`."""
    return f"{output_prefix}{RECORD}"


def out_of_fold_path(output_prefix: str) -> str:
    """Returns the path of a cross-validation's predictions, `<output>out_of_fold.csv`."""
    return f"{output_prefix}out_of_fold.csv"


def refit_folder(output_prefix: str) -> str:
    """Returns the path of the folder of the model that is fitted to all patients, `<output>refit`."""
    return f"{output_prefix}refit"


def split_folders(output_prefix: str, config: TrainConfig) -> list[str]:
    """Returns the paths of the folders of a run's splits, `<output>r<i>s<j>`, in the order of training."""
    return [f"{output_prefix}r{config.random_seed}s{number}" for number in config.split_numbers]
