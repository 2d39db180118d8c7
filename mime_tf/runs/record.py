"""Record of a run, `<output>run.json`: its flags, its data, and whether it is finished. Read and written here alone."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mime_tf.assess.summary import RESULTS
from mime_tf.config import TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError, show
from mime_tf.runs.configuration import is_ours, is_whole, train_config
from mime_tf.runs.folder import discard
from mime_tf.runs.paths import RECORD, out_of_fold_path, record_path, refit_folder, split_folders
from mime_tf.runs.provenance import digests
from mime_tf.runs.versions import versions
from mime_tf.splits.times import Times
from mime_tf.terminal import files, outputs


class Record:
    """Record of a run.

    Args:
        path: of `run.json`.
        content: dict of the `flags`, the path of the `log`, the digests of the `data`, the path of the `input`, the
            positions of the run's lines in the log, `log_lines`, the `mean` results or None for an unfinished run, and
            the `versions` of the software.
    """

    def __init__(self, path: str, content: dict[str, Any]):
        self.path, self.content = path, content

    @classmethod
    def read(cls, path: str) -> "Record | None":
        """Reads a record, or returns None if there is no such file.

        Raises:
            InputError: the file is no record of a run.
        """
        content = files.read_json(path)
        if content is None:
            return None
        content = content if isinstance(content, dict) else {}
        for name, is_right in _CHECKS.items():
            if not is_right(content.get(name)):
                raise InputError(
                    f"{path}: {name}: found {show(content.get(name))}; not the record of a run of this program; give "
                    "another output prefix, or move it away"
                )
        train_config(content["flags"], path)
        return cls(path, content)

    @classmethod
    def new(
        cls,
        config: TrainConfig,
        cohort: Cohort,
        output_prefix: str,
        log_path: str,
        groups: np.ndarray | None = None,
        relations: str | None = None,
        times: Times | None = None,
        beside: str | None = None,
    ) -> "Record":
        """Returns the record of a run that is about to begin; nothing is written yet.

        Args:
            config: the flags.
            cohort: the cohort.
            output_prefix: as for `mime_tf.train`.
            log_path: of the log.
            groups: group of each row, from `mime_tf.splits.groups.group_numbers`, or None.
            relations: SHA-256 of the ancestors of the codes, or None.
            times: by which the patients are divided, or None.
            beside: SHA-256 of age, sex and days that the model reads, or None.
        """
        content: dict[str, Any] = {
            "flags": {name: _as_json(value) for name, value in dataclasses.asdict(config).items()},
            "log": log_path,
            "data": digests(cohort, config.init_from, groups, relations, times, beside),
            "input": cohort.path,
            "log_lines": [],
            "mean": None,
            "versions": versions(),
        }
        return cls(record_path(output_prefix), content)

    @property
    def output_prefix(self) -> str:
        """Prefix of the run's files."""
        return self.path.removesuffix(RECORD)

    @property
    def config(self) -> TrainConfig:
        """Flags of the run."""
        return train_config(self.content["flags"], self.path)

    @property
    def folders(self) -> list[str]:
        """Paths of the folders of the run's splits, in the order of training."""
        return split_folders(self.output_prefix, self.config)

    @property
    def refit_folder(self) -> str:
        """Path of the folder of the model that is fitted to all patients, whether the run makes one or not."""
        return refit_folder(self.output_prefix)

    @property
    def written_folders(self) -> list[str]:
        """Paths of all folders that the run writes."""
        return [*self.folders, *([self.refit_folder] if self.config.refit else [])]

    @property
    def finished(self) -> bool:
        """Whether every split is finished and the means are in the log."""
        return self.content["mean"] is not None

    def finish(self, mean: Mapping[str, float]) -> None:
        """Notes the means, and with them that the run is finished."""
        self.content["mean"] = mean
        self.write()

    def write(self) -> None:
        """Writes the record to disk."""
        files.write_json(self.path, self.content)

    def check_same(self, new: "Record") -> None:
        """Raises InputError unless a run that is about to begin would be this one."""
        flags = self.content["flags"]
        changed = [
            f"{name} is {flags.get(name)} there, {value} now"
            for name, value in new.content["flags"].items()
            if flags.get(name) != value
        ]
        if self.content["log"] != new.content["log"]:
            changed.append(f"the log is {self.content['log']} there, {new.content['log']} now")
        if self.content["data"] != new.content["data"]:
            others = "the data, the weights of init_from, the ancestors of codes, or what is read beside codes"
            changed.append(f"{others}, are others")
        if changed:
            state = "a finished" if self.finished else "an unfinished"
            raise InputError(
                f"{self.path}: {state} run with other flags or data: {'; '.join(changed)}; give the same, another "
                "output prefix, or --overwrite"
            )


def _as_json(value: Any) -> Any:
    """Returns the value of a flag as JSON gives it back, which has lists in place of tuples."""
    return list(value) if isinstance(value, tuple) else value


def begin(new: Record, resume: bool = True, overwrite: bool = False) -> Record:
    """Begins a run, or goes on with the one on disk.

    Args:
        new: record of the run that is asked for.
        resume: as for `mime_tf.train`.
        overwrite: as for `mime_tf.train`.

    Returns:
        The record of the run on disk: `new`, which was written, or that of a run begun before.

    Raises:
        InputError: the output belongs to another run, or to an unfinished one that is not to be resumed, or can't be
            written.
    """
    before = Record.read(new.path)
    if before is not None and not overwrite:
        before.check_same(new)
        if not before.finished and not resume:
            raise InputError(
                f"{new.path}: an unfinished run, and --noresume; --resume would go on with it, --overwrite redo it"
            )
        return before
    _check_outputs(new, overwrite)
    for path in (new.path, new.content["log"]):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    if overwrite:
        _discard([new] if before is None else [before, new])
    new.write()
    return new


def _check_outputs(record: Record, overwrite: bool) -> None:
    """Raises InputError unless the files of a run may be written."""
    for folder in record.written_folders:
        _check_free(folder, record.path, overwrite)
    for path in (record.path, record.content["log"]):
        outputs.check_file(path, overwrite=True)
    if record.config.folds:
        outputs.check_file(out_of_fold_path(record.output_prefix), overwrite)


def _check_free(folder: str, record_path: str, overwrite: bool) -> None:
    """Raises InputError unless a split's folder does not exist, is empty, or is a run's to be overwritten."""
    if not os.path.lexists(folder):
        return
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: a file, where a folder is to be; give another output prefix")
    if os.listdir(folder) and not (overwrite and is_ours(folder)):
        raise InputError(
            f"{folder}: holds files, and {record_path}, which would say that they are of this run, is missing; give "
            "another output prefix, or --overwrite to discard a run of this program there"
        )


def _discard(records: list[Record]) -> None:
    """Removes the files of runs at one output prefix.

    Their record goes first, so that files which a kill leaves are not taken for a run's results.
    """
    for path in _files(records):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
    for folder in dict.fromkeys(folder for record in records for folder in record.written_folders):
        if is_ours(folder):
            discard(folder)


def _files(records: list[Record]) -> Iterator[str]:
    """Yields the paths of the files beside the splits' folders, the record's first."""
    yield records[0].path
    if any(record.config.folds for record in records):
        yield out_of_fold_path(records[0].output_prefix)


def _is_result(mean: dict, name: str) -> bool:
    """Whether a mean is a number, or null for one that is not defined."""
    return name in mean and (mean[name] is None or type(mean[name]) in (int, float))


_CHECKS = {
    "flags": lambda flags: isinstance(flags, dict),
    "log": lambda path: isinstance(path, str),
    "data": lambda data: isinstance(data, dict),
    "input": lambda path: path is None or isinstance(path, str),
    "log_lines": lambda lines: isinstance(lines, list) and all(is_whole(position, 0) for position in lines),
    "mean": lambda mean: mean is None or (isinstance(mean, dict) and all(_is_result(mean, name) for name in RESULTS)),
    "versions": lambda content: isinstance(content, dict),
}
