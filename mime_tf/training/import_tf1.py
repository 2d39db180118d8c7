"""Import of the authors' TensorFlow 1.x checkpoints: each becomes a fitted split, but for its history."""

import dataclasses
import os
from typing import Any

import numpy as np

from mime_tf import tf1_weights
from mime_tf.assess import summary
from mime_tf.batches import datasets
from mime_tf.config import BESIDE_CODES, SIZE_NAMES, TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.data.origin import origin_of
from mime_tf.data.sizes import resolve
from mime_tf.errors import InputError
from mime_tf.runs import writing
from mime_tf.runs.configuration import Configuration
from mime_tf.runs.versions import versions
from mime_tf.scoring.scorer import Scorer
from mime_tf.splits.split import Split
from mime_tf.terminal import outputs
from mime_tf.terminal.folders import replacing_folder, restore
from mime_tf.training.build import build_model
from mime_tf.training.plan import Plan


def import_tf1(
    checkpoint: str | os.PathLike,
    output: str | os.PathLike,
    config: TrainConfig | None = None,
    cohort: Cohort | str | os.PathLike | None = None,
    split_seed: int = 0,
) -> dict[str, float] | None:
    """Makes a fitted split of a TensorFlow 1.x checkpoint of the authors' program.

    Args:
        checkpoint: path of the checkpoint without `.index`.
        output: the folder to make.
        config: all that no checkpoint holds: the activations, `aux_lambda`, `regularize`, `max_dx_per_visit`, and how
            the cohort was filtered, divided and scored. Its vocabulary sizes and widths are ignored: the checkpoint has
            its own.
        cohort: the cohort that the checkpoint was trained on, or its path, as `mime_tf.data.cohort` says. With it the
            folder holds the codes that training knew, and the predictions and results of valid and test.
        split_seed: seed of the split that the checkpoint was trained on.

    Returns:
        Dict of the results with the keys `summary.RESULTS`, or None without a cohort.

    Raises:
        InputError: the path is no such checkpoint, the folder is in use, or the cohort does not fit the checkpoint.
    """
    checkpoint, output = os.fspath(checkpoint), os.fspath(output)
    with outputs.locked(output):
        restore(output)
        return _import(checkpoint, output, config or TrainConfig(), cohort, split_seed)


def _import(
    checkpoint: str,
    output: str,
    config: TrainConfig,
    cohort: Cohort | str | os.PathLike | None,
    split_seed: int,
) -> dict[str, float] | None:
    if os.path.lexists(output) and not (os.path.isdir(output) and not os.listdir(output)):
        raise InputError(f"{output}: is there already, and not an empty folder; a fitted split is made anew")
    for name in ("hierarchy", *BESIDE_CODES):
        value = getattr(config, name)
        if value != "none":
            raise InputError(f"{name}: found {value}; must be none: the authors' checkpoints read codes alone")
    weights = tf1_weights.read_checkpoint(checkpoint)
    config = dataclasses.replace(config, rnn_cell="gru_v1", **tf1_weights.sizes(weights, checkpoint))
    sizes, split, plan = {name: getattr(config, name) for name in SIZE_NAMES}, None, None
    if cohort is not None:
        cohort = Cohort.open(cohort) if isinstance(cohort, (str, os.PathLike)) else cohort
        sizes = resolve(cohort.store, sizes, cohort.name)
        plan = Plan(dataclasses.replace(config, split_seeds=(split_seed,)), cohort.store, cohort.require_labels())
        split = plan.splits[split_seed]
    # The number of slots matters to the auxiliary losses alone; 22 is that of the authors' main.
    sizes = sizes | {"max_dx_per_visit": sizes["max_dx_per_visit"] or 22}
    model = build_model(config, sizes, aux_heads="rnn2aux_dx/kernel" in weights)
    tf1_weights.assign(model, weights, checkpoint)

    # Read before anything is written.
    patient_ids = cohort.patient_ids if cohort else None
    _ = (cohort.attributes, origin_of(cohort.conversion)) if cohort else None
    path, digests = (cohort.path, cohort.digests()) if cohort else (None, None)
    with replacing_folder(output) as folder:
        Configuration(split_seed, sizes, path, digests, dataclasses.asdict(config), versions()).write(folder)
        writing.write_codes(folder, sizes, split.known if split else None)
        if cohort and plan and split:
            writing.write_subject(folder, cohort, plan.rows, split)
        writing.write_model(folder, model)
        return _score(folder, model, config, split, patient_ids) if cohort and split else None


def _score(
    output: str, model: Any, config: TrainConfig, split: Split, patient_ids: np.ndarray | None
) -> dict[str, float]:
    """Scores valid and test, writes the predictions and the results and returns the latter."""
    scorer, summaries = Scorer(model), {}
    for name, part in (("valid", split.valid), ("test", split.test)):
        part = part.scored(config.batch_size, config.eval_drop_remainder)
        probabilities = scorer(datasets.scoring_batches(part, config.eval_batch_size))
        writing.write_predictions(output, name, part, probabilities, patient_ids)
        summaries[name] = summary.summarize(part.labels, probabilities)
    results = summary.results(**summaries)
    writing.write_metrics(output, results)
    return results
