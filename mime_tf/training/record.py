"""The record of a run, `<output>run.json`: what it was asked to do, on which data, and whether it is done."""

import dataclasses
import os

from mime_tf import files, run_folder
from mime_tf.errors import InputError
from mime_tf.training import journal
from mime_tf.versions import versions


class Record:
    """A run's record on disk.

    Args:
        path: of `run.json`.
        content: what it holds, a dict.
    """

    def __init__(self, path, content):
        self.path, self.content = path, content

    @classmethod
    def open(cls, config, input_prefix, output_prefix, log_path, resume=True, overwrite=False):
        """Returns the record of the run to start or to go on with; a new one is written to disk.

        Raises:
            InputError: the output belongs to another run, or to an unfinished one that is not to be resumed.
        """
        path = f"{output_prefix}run.json"
        asked = {
            "flags": dataclasses.asdict(config) | {"split_seeds": list(config.split_seeds)},
            "log": log_path,
            "data": run_folder.digests(input_prefix),
        }
        for written in (path, log_path):
            _check_writable(written)
        before = run_folder.read_json(path)
        if before and overwrite:
            _discard(output_prefix, before)
        elif before:
            _check_same(path, before, asked, resume)
            return cls(path, before)
        for folder in _folders(output_prefix, asked):
            if overwrite:
                run_folder.discard(folder)
            elif os.path.isdir(folder) and os.listdir(folder):
                raise InputError(
                    f"{folder}: holds files, and {path}, which would say that they are of this run, is missing; "
                    "give another output prefix, or --overwrite to discard what a run left there"
                )
        record = cls(path, asked | {"input": input_prefix, "log_start": journal.size(log_path), "mean": None})
        record.content["versions"] = versions()
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


def _check_writable(path):
    """Raises InputError unless `path` is, or could be made, a file to write; makes the folder it goes into."""
    folder = os.path.dirname(path) or "."
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: no folder, and none can be made ({error.strerror}); {path} is to go there"
        ) from error
    if os.path.isdir(path) or not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise InputError(f"{path}: can't be written; give a prefix whose files can be")


def _check_same(path, before, asked, resume):
    state = "a finished" if before.get("mean") is not None else "an unfinished"
    try:
        flags = before["flags"]
        changed = [f"{name} is {flags.get(name)} there, {value} now" for name, value in asked["flags"].items()
                   if flags.get(name) != value]  # fmt: skip
        changed += [f"the log is {before['log']} there, {asked['log']} now"] * (before["log"] != asked["log"])
        changed += ["the data are others"] * (before["data"] != asked["data"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not the record of a run of this program: no {error}") from error
    if changed:
        raise InputError(
            f"{path}: {state} run with other flags or data: {'; '.join(changed)}; give the same, another output "
            "prefix, or --overwrite"
        )
    if before.get("mean") is None and not resume:
        raise InputError(
            f"{path}: an unfinished run, and --noresume; --resume would go on with it, --overwrite redo it"
        )


def _folders(output_prefix, content):
    """The folders of the splits of a run."""
    flags = content["flags"]
    return [run_folder.split_folder(output_prefix, flags["random_seed"], seed) for seed in flags["split_seeds"]]


def _discard(output_prefix, before):
    """Removes what an earlier run left; its record goes last, so that a kill leaves something to discard."""
    for folder in _folders(output_prefix, before):
        run_folder.discard(folder)
    os.remove(f"{output_prefix}run.json")
