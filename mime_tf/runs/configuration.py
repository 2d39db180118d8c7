"""Configuration of a fitted split, `config.json`, and of a run: read, checked and written here alone."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from mime_tf.config import TrainConfig
from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError, show
from mime_tf.runs.folder import CONFIG, FLAGS
from mime_tf.terminal import files

VOCABULARY_SIZES = tuple(f"num_{kind}" for kind in CODE_KINDS)
OUTCOMES = "outcomes"  # number of outcomes per patient, among the sizes of a model that has several
_SIZES = (*VOCABULARY_SIZES, "max_dx_per_visit")


@dataclasses.dataclass(frozen=True)
class Configuration:
    """How a split was fitted.

    Attributes:
        split_seed: seed of the split, or the number of the fold that was its test.
        sizes: dict of the sizes that the model was built with: `mime_tf.config.SIZE_NAMES`, and `OUTCOMES` where a
            patient has several.
        input: path of the cohort, as the run was given it, or None.
        data: dict of the SHA-256 of each file that the run read, in the order of reading, or None.
        flags: dict, the fields of the `TrainConfig` as JSON has them.
        versions: dict of the versions of the software that fitted it.
    """

    split_seed: int
    sizes: dict[str, int]
    input: str | None
    data: dict[str, str] | None
    flags: dict[str, Any]
    versions: dict[str, str]

    @classmethod
    def read(cls, folder: str | os.PathLike) -> "Configuration":
        """Reads the configuration in a fitted split's folder.

        Raises:
            InputError: the file is missing or damaged, or another version of this program wrote it.
        """
        path = os.path.join(folder, CONFIG)
        content = files.read_json(path)
        if content is None:
            raise InputError(f"{path}: missing; a fitted split has it")
        if not isinstance(content, dict):
            raise InputError(f"{path}: found {show(content)}; the configuration of a fitted split is needed")
        for name, is_right in _CHECKS.items():
            if not is_right(content.get(name)):
                value = show(content[name]) if name in content else "nothing"
                raise InputError(f"{path}: {name}: found {value}; damaged, or written by another version")
        train_config(content["flags"], path)
        values: dict[str, Any] = {field.name: content.get(field.name) for field in dataclasses.fields(cls)}
        return cls(**values)

    def write(self, folder: str) -> None:
        """Writes config.json, and the flags as a file that `--flagfile` reads; makes the folder if need be."""
        os.makedirs(folder, exist_ok=True)
        files.write_json(os.path.join(folder, CONFIG), dataclasses.asdict(self))
        with files.replacing(os.path.join(folder, FLAGS), "w") as file:
            for name, value in self.flags.items():
                if value is not None:
                    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
                    file.write(f"--{name}={text}\n")

    @property
    def config(self) -> TrainConfig:
        """The flags that this version has."""
        return train_config(self.flags, CONFIG)

    @property
    def unknown_flags(self) -> list[str]:
        """Names of the flags that this version does not have."""
        return sorted(set(self.flags) - set(TrainConfig.__dataclass_fields__))


def train_config(flags: Mapping[str, Any], path: str) -> TrainConfig:
    """Returns flags that were JSON as a `TrainConfig`; flags that this version does not have are left out.

    Args:
        flags: of a fitted split or of a run.
        path: of the file that they were read from, for errors.

    Raises:
        InputError: a value is out of its range, or values do not go together.
    """
    known = {name: flags[name] for name in TrainConfig.__dataclass_fields__ if name in flags}
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    try:
        return TrainConfig(**known)
    except (InputError, TypeError) as error:
        raise InputError(f"{path}: flags: {' '.join(str(error).split())[:300]}") from error


def is_ours(folder: str | os.PathLike) -> bool:
    """Whether this program made a folder: its configuration, which is written first and removed last, tells."""
    try:
        Configuration.read(folder)
    except InputError:
        return False
    return True


def is_whole(value: Any, least: int) -> bool:
    """Whether a value is an int, not a bool, of at least `least`."""
    return type(value) is int and value >= least


_CHECKS = {
    "split_seed": lambda seed: is_whole(seed, 0) and seed < 2**32,
    "sizes": lambda sizes: (
        isinstance(sizes, dict)
        and all(is_whole(sizes.get(name), 1) for name in _SIZES)
        and is_whole(sizes.get(OUTCOMES, 2), 2)
    ),
    "input": lambda path: path is None or isinstance(path, str),
    "data": lambda data: data is None or isinstance(data, dict),
    "flags": lambda flags: isinstance(flags, dict),
    "versions": lambda versions: isinstance(versions, dict),
}
