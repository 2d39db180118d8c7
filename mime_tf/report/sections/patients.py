"""Section: five patients, chosen by rule so that nobody chooses those that look well, and why they got their scores."""

import dataclasses

import numpy as np

from mime_tf.errors import InputError
from mime_tf.explain.lines import explanation_lines, standing, steps, title
from mime_tf.pages.text import without_folders
from mime_tf.report.section import Section

_TITLE = "Explained patients"
LINES = 24  # of the picture and of the table of a patient

# A label, or None for either, and the index in the order of the scores, ascending, or None for the median.
RULES = {
    "highest score of label 1": (1, -1),
    "highest score of label 0": (0, -1),
    "lowest score of label 1": (1, 0),
    "lowest score of label 0": (0, 0),
    "median score": (None, None),
}


@dataclasses.dataclass(frozen=True)
class PatientsData:
    """Data of the section.

    Attributes:
        split: str, name of the split.
        explanations: dict from a rule to `mime_tf.explain.explanation.Explanation`.
    """

    split: str
    explanations: dict

    def described(self):
        """Yields the rule, the title, the steps, the standing, the remarks and the lines of each explanation."""
        for rule, each in self.explanations.items():
            yield rule, title(each), steps(each), standing(each), each.remarks, explanation_lines(each, LINES)


def gather(inputs):
    """Returns the section; its data are PatientsData. A patient who can't be explained costs the section."""
    if inputs.cohort is None:
        return Section("patients", _TITLE, reason="Explanations need the cohort: --data.")
    if not inputs.settings.patients:
        return Section("patients", _TITLE, reason="Left out, as was asked for.")
    test = inputs.detailed.results.test
    chosen = choose(test.scores.labels, test.scores.probabilities, test.empty)
    inputs.progress(f"explaining {len(chosen)} patients")
    rows = test.rows[list(chosen.values())]
    try:
        from mime_tf.explain.patients import explain_patients  # loads TensorFlow

        explanations = explain_patients(
            inputs.fitted, inputs.cohort, rows, progress=inputs.progress, title=inputs.settings.title
        )
    except InputError as error:
        reason = without_folders(str(error), [inputs.fitted.folder, inputs.cohort.name, inputs.cohort.folder])
        return Section("patients", _TITLE, reason=f"They could not be explained: {reason}.")
    return Section("patients", _TITLE, PatientsData(inputs.detailed.name, dict(zip(chosen, explanations, strict=True))))


def choose(labels, probabilities, empty=None):
    """Chooses a patient by each of the `RULES`, and passes over those of whom nothing is known.

    >>> choose([1, 0, 1, 0, 0], [0.9, 0.8, 0.2, 0.1, 0.3])
    {'highest score of label 1': 0, 'highest score of label 0': 1, 'lowest score of label 1': 2, \
'lowest score of label 0': 3, 'median score': 4}

    Args:
        labels: 0 or 1, (rows,).
        probabilities: (rows,). Of equal ones the first row comes first; the median is the lower one.
        empty: bool (rows,), whether the model knows no code of the patient; by default it knows some of all.

    Returns:
        Dict from a rule to the index of a row. A rule that no patient fits, or that chooses a patient chosen before, is
        left out.
    """
    labels, order = np.asarray(labels), np.argsort(probabilities, kind="stable")
    if empty is not None:
        order = order[~np.asarray(empty)[order]]
    chosen = {}
    for rule, (label, position) in RULES.items():
        candidates = order if label is None else order[labels[order] == label]
        if len(candidates):
            row = int(candidates[(len(candidates) - 1) // 2 if position is None else position])
            if row not in chosen.values():
                chosen[rule] = row
    return chosen
