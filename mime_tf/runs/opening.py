"""A trained model and what is known of it, read from the folder that a run left.

Such a folder may come from a stranger, so it is data: nothing in it is run, and Keras builds a model only after every
class that the model's file names was found to be one that MiME is made of.
"""

import dataclasses
import glob
import os
from typing import Any

import numpy as np

from mime_tf.config import TrainConfig
from mime_tf.data import cohort as sources
from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError, show
from mime_tf.runs.folder import CODES, CONFIG, GROUPS, METRICS, MODEL, VOCABULARY, digests, read_json
from mime_tf.runs.model_file import VOCABULARY_SIZES, build_model, check_model, is_whole


@dataclasses.dataclass(frozen=True)
class Run:
    """The run of one split.

    Attributes:
        folder: its path.
        model: MiME, not compiled.
        sizes: dict of the sizes that the model was built with, `mime_tf.config.SIZE_NAMES`.
        known: dict of boolean arrays `"dx"`, `"rx"` and `"pr"` of shape (num_dx,), (num_rx,) and (num_pr,): did
            training hold this code? None where the run does not say.
        vocabulary: `mime_tf.data.vocabulary.Vocabulary`, or None.
        config: `TrainConfig`, the flags.
        split_seed: seed of the split, or the number of the fold that was its test.
        data: dict of the SHA-256 of what was trained on, in the order in which it was read; None where the run does
            not say.
        versions: dict of the versions of what computed it.
        notes: list of str, what whoever uses the run should be told.
        unknown_flags: names of flags of the run that this version does not have.
    """

    folder: str
    model: Any
    sizes: dict
    known: dict | None
    vocabulary: Vocabulary | None
    config: TrainConfig
    split_seed: int
    data: dict | None
    versions: dict
    notes: list
    unknown_flags: list

    @classmethod
    def open(cls, folder):
        """Opens the folder of a run that `train.py` or `import_tf1` made.

        Raises:
            InputError: it is not such a folder, a file is missing or damaged, the files do not fit each other, or the
                model is made of something that MiME is not.
        """
        folder = os.fspath(folder)
        record = _read_record(folder)
        sizes, data = record["sizes"], record["data"]
        notes = _unfinished(folder, imported=data is None)
        model = os.path.join(folder, MODEL)
        check_model(model, sizes)
        known = _read_known(os.path.join(folder, CODES), sizes)
        names = os.path.join(folder, VOCABULARY)
        flags = record["flags"]
        return cls(
            folder=folder,
            vocabulary=Vocabulary.read(names) if os.path.exists(names) else None,
            config=_config(flags, os.path.join(folder, CONFIG)),
            model=build_model(model),
            sizes=sizes,
            known=known,
            split_seed=record["split_seed"],
            data=data,
            versions=record["versions"],
            notes=notes,
            unknown_flags=sorted(set(flags) - set(TrainConfig.__dataclass_fields__)),
        )

    @property
    def name(self):
        """What to call the run: its folder's name."""
        return os.path.basename(os.path.abspath(self.folder))

    @property
    def usable(self):
        """The codes that new patients keep, as `known`; where the run does not say, all that the model has room for."""
        return self.known or {kind: np.ones(self.sizes[f"num_{kind}"], bool) for kind in CODE_KINDS}

    def check_codes(self, cohort):
        """Checks that the codes of a cohort mean what they meant in training, where both name them.

        Args:
            cohort: `mime_tf.data.cohort.Cohort`.

        Raises:
            InputError: an index that both vocabularies have is of different codes.
        """
        there = Vocabulary.beside(cohort.source) if self.vocabulary and cohort.source is not None else None
        if there is None:
            return
        for (kind, index), row in there.by_index.items():
            ours = self.vocabulary.by_index.get((kind, index))
            if ours and row["code"] and ours["code"] and row["code"] != ours["code"]:
                right = "the cohort must be made with that vocabulary (convert --vocabulary)"
                raise InputError(
                    f"{sources.name(cohort.source)}: its vocabulary.csv says that {kind} {index} is {show(row['code'])}"
                    f", that of {self.folder} says {show(ours['code'])}; {right}"
                )

    def trained_on(self, source):
        """Whether a cohort is the one that the run divided into train, valid and test, byte by byte.

        Args:
            source: as `mime_tf.data.cohort` says. Its files may have been moved or renamed.
        """
        initial = os.path.basename(self.config.init_from)
        others = (GROUPS, *((f"{initial}_sha256", f"{initial}.") if initial else ()))
        recorded = [value for name, value in (self.data or {}).items() if not name.startswith(others)]
        return recorded == list(digests(source).values())


def _read(path, what, missing):
    """Returns the dict in a JSON file of a run."""
    try:
        content = read_json(path)
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply for {what}") from error
    if content is None:
        raise InputError(f"{path}: missing; {missing}")
    if not isinstance(content, dict):
        raise InputError(f"{path}: found {show(content)}; {what} is needed")
    return content


def _read_record(folder):
    """Returns what config.json holds, checked."""
    path = os.path.join(folder, CONFIG)
    if not os.path.isfile(path):
        raise InputError(f"{folder}: not a run folder, for it has no {CONFIG}{_hint(folder)}")
    record = _read(path, "the configuration of a run", "")
    needed = (*VOCABULARY_SIZES, "max_dx_per_visit")
    expected = {
        "split_seed": lambda seed: is_whole(seed, 0) and seed < 2**32,
        "sizes": lambda found: isinstance(found, dict) and all(is_whole(found.get(name), 1) for name in needed),
        "flags": lambda found: isinstance(found, dict),
        "data": lambda found: found is None or isinstance(found, dict),
        "versions": lambda found: isinstance(found, dict),
    }
    for name, is_right in expected.items():
        if name not in record or not is_right(record[name]):
            found = show(record[name]) if name in record else "nothing"
            raise InputError(f"{path}: {name}: found {found}; damaged, or written by another version of this program")
    return record


def _hint(folder):
    """Names the runs inside a folder that is none itself."""
    inside = sorted(glob.glob(os.path.join(glob.escape(folder), "r*s*", CONFIG)))
    return f"; {os.path.dirname(inside[0])} is one" if inside else "; train.py writes one for each split, such as r0s0"


def _config(flags, path):
    """Returns the flags as a `TrainConfig`; those that this version does not have are left out."""
    known = {name: flags[name] for name in TrainConfig.__dataclass_fields__ if name in flags}
    if isinstance(known.get("split_seeds"), list):
        known["split_seeds"] = tuple(known["split_seeds"])
    try:
        return TrainConfig(**known)
    except (InputError, TypeError) as error:
        raise InputError(f"{path}: flags: {' '.join(str(error).split())[:300]}") from error


def _unfinished(folder, imported):
    """Returns the notes on a run without results; raises InputError where it has no model either."""
    metrics = os.path.join(folder, METRICS)
    if os.path.exists(metrics):
        _read(metrics, "the results of a run", "")
        return []
    if not os.path.exists(os.path.join(folder, MODEL)):
        raise InputError(
            f"{folder}: unfinished, and without a {MODEL} yet; the command that started it goes on with it"
        )
    if imported:
        return []
    return [f"{folder}: unfinished, for it has no {METRICS}; this is the best model when it was interrupted"]


def _read_known(path, sizes):
    """Returns the codes that training held, from codes.json; None where it does not say."""
    codes = _read(path, "the codes of a run", "without it the codes that training held are not known")
    for name in VOCABULARY_SIZES:
        if codes.get(name) != sizes[name]:
            raise InputError(f"{path}: {name}: found {show(codes.get(name))}; {CONFIG} has {sizes[name]}")
    known = codes.get("known")
    if known is None and "known" in codes:
        return None
    if not isinstance(known, dict):
        raise InputError(f"{path}: known: found {show(known)}; lists of dx, rx and pr codes are needed")
    return {kind: _read_codes(path, kind, known.get(kind), sizes[f"num_{kind}"]) for kind in CODE_KINDS}


def _read_codes(path, kind, codes, size):
    """Returns a list of codes as a boolean array of shape (size,)."""
    if not (isinstance(codes, list) and all(type(code) is int and 0 <= code < size for code in codes)):
        raise InputError(f"{path}: known: {kind}: found {show(codes)}; a list of whole numbers below {size} is needed")
    known = np.zeros(size, bool)
    known[codes] = True
    return known
