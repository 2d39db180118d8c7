"""A fitted split: one folder `r0s0` with its model, opened once.

Such a folder may come from a stranger, so it is data: nothing in it is run, and Keras builds a model only after every
class that the model's file names was found to be one that MiME is made of.
"""

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from mime_tf.config import BESIDE_CODES, NEXT_VISIT, TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import Vocabulary, code_name
from mime_tf.errors import InputError, show
from mime_tf.runs import model_file
from mime_tf.runs.adjustment import Adjustment
from mime_tf.runs.code_counts import CodeCounts
from mime_tf.runs.configuration import OUTCOMES, VOCABULARY_SIZES, Configuration
from mime_tf.runs.folder import CODES, CONFIG, HIERARCHY, METRICS, MODEL, PREDICTIONS, VOCABULARY, is_finished
from mime_tf.runs.provenance import cohort_digests
from mime_tf.runs.refit import splits_of
from mime_tf.runs.results import SavedPredictions, SplitResults, read_metrics, read_predictions
from mime_tf.runs.subject import Subject
from mime_tf.terminal import files


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class FittedSplit:
    """A split's folder, checked, and its model.

    Attributes:
        folder: its path.
        load_model: function without arguments that returns the model; `model` is its value.
        sizes: dict of the sizes that the model was built with, as in `Configuration`.
        known: dict of boolean arrays `"dx"`, `"rx"` and `"pr"` of shape (num_dx,), (num_rx,) and (num_pr,): did
            training hold this code? None if the folder does not say.
        vocabulary: names of the codes, or None.
        config: the flags of the run.
        split_seed: seed of the split, or the number of the fold that was its test.
        input: path of the cohort, as the run was given it, or None.
        data: dict of the SHA-256 of each file that the run read, in the order of reading, or None.
        versions: dict of the versions of the software that fitted the model.
        notes: list of str, told to the users of the model.
        unknown_flags: names of flags of the run that this version does not have.
    """

    folder: str
    load_model: Callable[[], Any]
    sizes: dict[str, int]
    known: dict[str, np.ndarray] | None
    vocabulary: Vocabulary | None
    config: TrainConfig
    split_seed: int
    input: str | None
    data: dict[str, str] | None
    versions: dict[str, str]
    notes: list[str]
    unknown_flags: list[str]

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "FittedSplit":
        """Opens the folder of a split that training or `import_tf1` made; its model is vetted here and built later.

        Raises:
            InputError: it is no such folder, a file is missing or damaged, the files do not fit each other, or the
                model is made of something that MiME is not.
        """
        folder = os.fspath(folder)
        if not os.path.isfile(os.path.join(folder, CONFIG)):
            raise InputError(f"{folder}: not the folder of a fitted split, such as r0s0, for it has no {CONFIG}")
        record = Configuration.read(folder)
        notes = _notes(folder, imported=record.data is None)
        if splits := splits_of(read_metrics(folder)):
            notes.append(
                f"{folder}: fitted to all patients of its run; its performance is taken to be that of the splits "
                f"({', '.join(splits)})"
            )
        model, names = (os.path.join(folder, name) for name in (MODEL, VOCABULARY))
        model_file.check(model, record.sizes)
        return cls(
            folder=folder,
            load_model=functools.cache(functools.partial(model_file.load, model, record.sizes)),
            sizes=record.sizes,
            known=_read_known(os.path.join(folder, CODES), record.sizes),
            vocabulary=Vocabulary.read(names) if os.path.exists(names) else None,
            config=record.config,
            split_seed=record.split_seed,
            input=record.input,
            data=record.data,
            versions=record.versions,
            notes=notes,
            unknown_flags=record.unknown_flags,
        )

    def __repr__(self) -> str:
        config, pooling = self.config, ",".join(self.config.pooling)
        reads = f"{config.rnn_cell} of width {config.rnn_size}" if pooling == "last" else f"pooling {pooling}"
        if config.blend:
            reads = f"blend of {' and '.join(config.blend)}"
        codes = ", ".join(f"{self.sizes[f'num_{kind}']:,} {kind}" for kind in CODE_KINDS)
        return f"FittedSplit({self.folder!r}, {reads}, {codes})"

    @property
    def name(self) -> str:
        """Name of the fitted split: its folder's."""
        return os.path.basename(os.path.abspath(self.folder))

    @property
    def outcomes(self) -> int:
        """Number of outcomes per patient that the model predicts."""
        return self.sizes.get(OUTCOMES, 1)

    def outcome_name(self, index: int) -> str:
        """Returns the name of one of several outcomes: of its diagnosis, if these are diagnoses of the next visit."""
        return code_name(self.vocabulary, "dx", index) if self.config.task == NEXT_VISIT else f"outcome {index}"

    @property
    def model(self) -> Any:
        """The model, MiME, not compiled; built when it is first asked for.

        Raises:
            InputError: its weights are damaged, or it has inputs that the flags of its run leave out.
        """
        model = self.load_model()
        reads = {"age_sex": getattr(model, "attributes", None), "visit_days": getattr(model, "reads_days", False)}
        for flag in BESIDE_CODES:
            if reads[flag] and getattr(self.config, flag) == "none":
                raise InputError(f"{self.folder}: {flag} is none in {CONFIG}, and {MODEL} reads it; damaged")
        return model

    @property
    def usable(self) -> dict[str, np.ndarray]:
        """Codes that new patients keep, as `known`; all that the model has room for where training's are not known."""
        return self.known or {kind: np.ones(self.sizes[f"num_{kind}"], bool) for kind in CODE_KINDS}

    @functools.cached_property
    def hierarchy(self) -> Hierarchy | None:
        """Ancestors of the codes, as training had them, or None."""
        path = os.path.join(self.folder, HIERARCHY)
        return Hierarchy.read(path) if os.path.exists(path) else None

    @functools.cached_property
    def subject(self) -> Subject:
        """Subject of the split: which outcome it predicts, of whom."""
        return Subject.read(self.folder, self.input)

    @functools.cached_property
    def code_counts(self) -> CodeCounts | None:
        """How often codes occurred in training, or None."""
        return CodeCounts.read(self.folder)

    @functools.cached_property
    def adjustment(self) -> Adjustment:
        """Adjustment of the model's output to the probabilities that commands give."""
        return Adjustment.read(self.folder, self.subject.population)

    @functools.cached_property
    def metrics(self) -> dict[str, Any] | None:
        """Results at the best evaluation, as in metrics.json, or None."""
        return read_metrics(self.folder)

    @functools.cached_property
    def results(self) -> SplitResults:
        """Results, history and predictions of the split, which has to be finished."""
        return SplitResults.read(self.folder)

    def predictions(self, name: str) -> SavedPredictions | None:
        """Returns the predictions that the run left of its set `"valid"` or `"test"`, or None if it left none."""
        path = os.path.join(self.folder, PREDICTIONS[name])
        return read_predictions(path, self.adjustment) if os.path.exists(path) else None

    def check_codes(self, cohort: Cohort) -> None:
        """Checks that codes which both the cohort and the training data name have one meaning.

        Raises:
            InputError: an index that both vocabularies have is of different codes.
        """
        if self.vocabulary is None or cohort.vocabulary is None:
            return
        for (kind, index), row in cohort.vocabulary.by_index.items():
            ours = self.vocabulary.by_index.get((kind, index))
            if ours and row["code"] and ours["code"] and row["code"] != ours["code"]:
                right = "the cohort must be made with that vocabulary (convert --vocabulary)"
                raise InputError(
                    f"{cohort.name}: its vocabulary.csv says that {kind} {index} is {show(row['code'])}, that of "
                    f"{self.folder} says {show(ours['code'])}; {right}"
                )

    def trained_on(self, cohort: Cohort) -> bool:
        """Whether a cohort is the one that the run divided into train, valid and test.

        The files of the cohort may have been moved, renamed, or written in another form.
        """
        if cohort_digests(self.data or {}, self.config.init_from) == list(cohort.digests().values()):
            return True
        population = self.subject.population
        return population is not None and population.content == cohort.content_sha256


def _notes(folder: str, imported: bool) -> list[str]:
    """Returns the notes on a split without results; raises InputError if it has no model either."""
    if is_finished(folder):
        read_metrics(folder)
        return []
    if not os.path.exists(os.path.join(folder, MODEL)):
        raise InputError(
            f"{folder}: unfinished, and without a {MODEL} yet; the command that started it goes on with it"
        )
    if imported:
        return []
    return [f"{folder}: unfinished, for it has no {METRICS}; this is the best model when it was interrupted"]


def _read_known(path: str, sizes: dict[str, int]) -> dict[str, np.ndarray] | None:
    """Returns the codes that training held, from codes.json, or None if it does not say."""
    codes = files.read_json(path)
    if codes is None:
        raise InputError(f"{path}: missing; without it the codes that training held are not known")
    if not isinstance(codes, dict):
        raise InputError(f"{path}: found {show(codes)}; the codes of a fitted split are needed")
    for name in VOCABULARY_SIZES:
        if codes.get(name) != sizes[name]:
            raise InputError(f"{path}: {name}: found {show(codes.get(name))}; {CONFIG} has {sizes[name]}")
    known = codes.get("known")
    if known is None and "known" in codes:
        return None
    if not isinstance(known, dict):
        raise InputError(f"{path}: known: found {show(known)}; lists of dx, rx and pr codes are needed")
    return {kind: _read_codes(path, kind, known.get(kind), sizes[f"num_{kind}"]) for kind in CODE_KINDS}


def _read_codes(path: str, kind: str, codes: Any, size: int) -> np.ndarray:
    """Returns a list of codes as a boolean array of shape (size,)."""
    if not (isinstance(codes, list) and all(type(code) is int and 0 <= code < size for code in codes)):
        raise InputError(f"{path}: known: {kind}: found {show(codes)}; a list of whole numbers below {size} is needed")
    known = np.zeros(size, bool)
    known[codes] = True
    return known
