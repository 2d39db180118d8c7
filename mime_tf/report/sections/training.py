"""Section: flags, versions and seeds of the run."""

import dataclasses

from mime_tf.config import TrainConfig
from mime_tf.pages.text import file_name
from mime_tf.report.section import Section


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Data of the section.

    Attributes:
        facts: list of pairs of str: seeds, input, digests and versions.
        changed: list of triples of str: a flag that is not the default, its value, the default.
        flags: list of pairs of str: every flag and its value.
    """

    facts: list
    changed: list
    flags: list


def gather(inputs):
    """Returns the section; its data are TrainingData."""
    configuration = inputs.detailed.results.configuration
    flags, default = configuration.flags, dataclasses.asdict(TrainConfig())
    changed = [
        (name, _text(value), _text(default.get(name, "no such flag now")))
        for name, value in flags.items()
        if _text(value) != _text(default.get(name))
    ]
    seeds = ", ".join(f"{split.name} {split.results.configuration.split_seed}" for split in inputs.splits)
    facts = [
        ("random seed of weights and batches", str(flags.get("random_seed"))),
        ("number of the split or fold", seeds),
        ("seed of the bootstrap", str(inputs.settings.bootstrap.seed)),
        ("input", file_name(configuration.input or "not recorded")),
        *(configuration.data or {}).items(),
        *configuration.versions.items(),
    ]
    everything = [(name, _text(value)) for name, value in flags.items()]
    return Section("training", "Flags, versions and seeds", TrainingData(facts, changed, everything))


def _text(value):
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else file_name(value)
