"""A checkpoint of the authors' program becomes a run folder, with what train.py leaves but for the history."""

import dataclasses
import os

from mime_tf import tf1_weights
from mime_tf.assess import summary
from mime_tf.batches import datasets
from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.data import cohort as sources
from mime_tf.data.sizes import resolve
from mime_tf.errors import InputError
from mime_tf.runs import folder
from mime_tf.runs.versions import versions
from mime_tf.scoring import scorer as evaluation
from mime_tf.terminal import files
from mime_tf.training.build import build_model
from mime_tf.training.plan import Splits


def import_tf1(checkpoint, output, config=None, data=None, split_seed=0):
    """Makes a run folder of a TensorFlow 1.x checkpoint of the authors' program.

    Args:
        checkpoint: the checkpoint's path without `.index`.
        output: the folder to make.
        config: `TrainConfig` with what no checkpoint holds: the activations, `aux_lambda`, `regularize`,
            `max_dx_per_visit`, and how the cohort was filtered, divided and scored. Its vocabulary sizes and widths
            are not read: the checkpoint has its own.
        data: the cohort that the checkpoint was trained on, as `mime_tf.data.cohort` names one. With it the folder
            holds the codes that training knew, and the predictions and results of valid and test.
        split_seed: the split that the checkpoint was trained on.

    Returns:
        Dict of the results with the keys `summary.RESULTS`, or None without `data`.

    Raises:
        InputError: not such a checkpoint, the folder is in use, or the data do not fit it.
    """
    checkpoint, output = os.fspath(checkpoint), os.fspath(output)
    data = os.fspath(data) if data else None
    if os.path.lexists(output) and not (os.path.isdir(output) and not os.listdir(output)):
        raise InputError(f"{output}: is there already, and not an empty folder; a run folder is made anew")
    weights = tf1_weights.read_checkpoint(checkpoint)
    config = dataclasses.replace(config or TrainConfig(), rnn_cell="gru_v1", **tf1_weights.sizes(weights, checkpoint))
    given = {name: getattr(config, name) for name in SIZE_NAMES}
    split, known = None, None
    if data:
        cohort = sources.read(data)
        given = resolve(cohort.store, given, sources.name(data))
        split = Splits(dataclasses.replace(config, split_seeds=(split_seed,)), cohort.store, cohort.labels).splits[
            split_seed
        ]
        known = split.known
    # The number of slots matters to the auxiliary losses alone; 22 is what the authors' main uses.
    sizes = {**given, "max_dx_per_visit": given["max_dx_per_visit"] or 22}
    model = build_model(config, sizes, aux_heads="rnn2aux_dx/kernel" in weights)
    tf1_weights.assign(model, weights, checkpoint)

    os.makedirs(output, exist_ok=True)
    record = {
        "flags": dataclasses.asdict(config),
        "input": data,
        "data": folder.digests(data) if data else None,
        "versions": versions(),
    }
    folder.write_configuration(output, record, split_seed, sizes)
    folder.write_codes(os.path.join(output, folder.CODES), sizes, known)
    folder.save_model(os.path.join(output, folder.MODEL), model)
    return _score(output, model, config, split, cohort.patient_ids) if split else None


def _score(output, model, config, split, patient_ids):
    """Scores valid and test, writes the predictions and the results and returns the latter."""
    scorer, summaries = evaluation.Scorer(model), {}
    for name, part in (("valid", split.valid), ("test", split.test)):
        part = part.scored(config.batch_size, config.eval_drop_remainder)
        probabilities = scorer(datasets.scoring_batches(part, config.eval_batch_size))
        folder.write_predictions(os.path.join(output, folder.PREDICTIONS[name]), part, probabilities, patient_ids)
        summaries[name] = summary.summarize(part.labels, probabilities)
    results = summary.results(**summaries)
    files.write_json(os.path.join(output, folder.METRICS), results)
    return results
