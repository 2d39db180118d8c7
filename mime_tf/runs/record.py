"""The record of a run, `<output>run.json`: what it was asked to do, on which data, and whether it is done."""

import contextlib
import dataclasses
import os

from mime_tf.errors import InputError
from mime_tf.runs import journal
from mime_tf.runs.folder import GROUPS, digests, discard, is_ours, out_of_fold_path, read_json, split_folder
from mime_tf.runs.versions import versions
from mime_tf.splits.groups import digest
from mime_tf.terminal import files, outputs


class Record:
    """A run's record on disk.

    Args:
        path: of `run.json`.
        content: what it holds, a dict.
    """

    def __init__(self, path, content):
        self.path, self.content = path, content

    @classmethod
    def open(cls, config, source, output_prefix, log_path, resume=True, overwrite=False, groups=None):
        """Returns the record of the run to start or to go on with; a new one is written to disk.

        Args:
            config: `TrainConfig`.
            source: as for `mime_tf.train`.
            output_prefix: as for `mime_tf.train`.
            log_path: of the log.
            resume: as for `mime_tf.train`.
            overwrite: as for `mime_tf.train`.
            groups: the group of each patient, of `mime_tf.splits.groups.group_numbers`, or None.

        Raises:
            InputError: the output belongs to another run, or to an unfinished one that is not to be resumed.
        """
        path = f"{output_prefix}run.json"
        asked = {
            "flags": dataclasses.asdict(config) | {"split_seeds": list(config.split_seeds)},
            "log": log_path,
            "data": digests(source, config.init_from) | ({} if groups is None else {GROUPS: digest(groups)}),
        }
        before = read_json(path)
        if before is not None:
            _check_is_record(path, before)
            if not overwrite:
                _check_same(path, before, asked, resume)
                return cls(path, before)
        for folder in _folders(output_prefix, asked):
            _check_free(folder, path, overwrite)
        out = out_of_fold_path(output_prefix)
        for written in (path, log_path):
            outputs.check_file(written, overwrite=True)
        if config.folds:
            outputs.check_file(out, overwrite)
        for written in (path, log_path):
            os.makedirs(os.path.dirname(written) or ".", exist_ok=True)
        if overwrite:
            _discard(path, {*_folders(output_prefix, before or asked), *_folders(output_prefix, asked)})
            if config.folds or (before or asked)["flags"].get("folds"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(out)
        log_start = journal.size(log_path)
        record = cls(path, asked | {"input": source, "log_start": log_start, "mean": None, "versions": versions()})
        record.write()
        return record

    @property
    def finished(self):
        """Whether every split is done and the means are in the log."""
        return self.content["mean"] is not None

    def finish(self, mean):
        """Notes the means, and with them that the run is done."""
        self.content["mean"] = mean
        self.write()

    def write(self):
        """Writes the record to disk."""
        files.write_json(self.path, self.content)


def _discard(path, folders):
    """Removes what an earlier run left, its record first: what a kill leaves is then taken for no run's results."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)
    for folder in folders:
        if is_ours(folder):
            discard(folder)


def _check_is_record(path, content):
    """Raises InputError unless `content` is what this program writes to `run.json`."""
    try:
        flags = content["flags"]
        whole = [flags["random_seed"], *flags["split_seeds"], flags.get("folds", 0), content["log_start"]]
        sound = all(type(number) is int and number >= 0 for number in whole) and {"log", "data", "mean"} <= set(content)
    except (KeyError, TypeError):
        sound = False
    if not sound:
        raise InputError(
            f"{path}: not the record of a run of this program; give another output prefix, or move it away"
        )


def _check_same(path, before, asked, resume):
    """Raises InputError unless the run on disk is the one asked for, and may be gone on with."""
    there = before["flags"]
    changed = [
        f"{name} is {there.get(name)} there, {value} now"
        for name, value in asked["flags"].items()
        if there.get(name) != value
    ]
    if before["log"] != asked["log"]:
        changed.append(f"the log is {before['log']} there, {asked['log']} now")
    if before["data"] != asked["data"]:
        changed.append("the data, or the weights of init_from, are others")
    state = "an unfinished" if before["mean"] is None else "a finished"
    if changed:
        raise InputError(
            f"{path}: {state} run with other flags or data: {'; '.join(changed)}; give the same, another output "
            "prefix, or --overwrite"
        )
    if before["mean"] is None and not resume:
        raise InputError(
            f"{path}: an unfinished run, and --noresume; --resume would go on with it, --overwrite redo it"
        )


def _check_free(folder, record_path, overwrite):
    """Raises InputError unless a split's folder is not there, or is empty, or is a run's to be overwritten."""
    if not os.path.lexists(folder):
        return
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: a file, where a folder is to be; give another output prefix")
    if os.listdir(folder) and not (overwrite and is_ours(folder)):
        raise InputError(
            f"{folder}: holds files, and {record_path}, which would say that they are of this run, is missing; give "
            "another output prefix, or --overwrite to discard a run of this program there"
        )


def _folders(output_prefix, content):
    """The folders of the splits of a run."""
    flags = content["flags"]
    numbers = range(flags.get("folds", 0)) or flags["split_seeds"]
    return [split_folder(output_prefix, flags["random_seed"], number) for number in numbers]
