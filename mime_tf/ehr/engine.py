"""The engine that computes tables: DuckDB in this process, or a Spark cluster. Ibis gives both the same expressions.

A table that is used more than once is kept as Parquet in a scratch folder, so that memory does not limit its size.
"""

import contextlib
import glob
import importlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mime_tf.errors import InputError
from mime_tf.terminal import packages, signals

if TYPE_CHECKING:  # `require` looks for these packages first
    import ibis
    import pyarrow

ENGINES = ("duckdb", "spark")


class Engine:
    """An Ibis backend with a scratch folder.

    Args:
        name: one of `ENGINES`.
        connection: Ibis backend.
        folder: the scratch folder, which all of a cluster's machines must see.
    """

    def __init__(self, name: str, connection: Any, folder: str):
        self.name, self.connection, self.folder = name, connection, folder

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Classes of the exceptions that the engine raises for bad data."""
        if self.name == "spark":
            return (
                importlib.import_module("pyspark.errors").PySparkException,
                importlib.import_module("py4j.protocol").Py4JError,
            )
        return (importlib.import_module("duckdb").Error,)

    @property
    def replaces_bad_text(self) -> bool:
        """Whether bytes of a CSV file that are not UTF-8 become other text without an error."""
        return self.name == "spark"

    def read_csv(self, paths: list[str], width: int, separator: str) -> "ibis.Table":
        """Returns CSV files, plain or .gz, as a table of text with the columns c0, c1 and so on.

        Args:
            paths: the files, by names in which no character has a meaning; their first line is passed over.
            width: number of columns.
            separator: between fields.
        """
        names = [f"c{index}" for index in range(width)]
        if self.name == "spark":
            dialect = {"sep": separator, "escape": '"', "multiLine": True, "mode": "FAILFAST", "header": True}
            schema = ", ".join(f"{name} STRING" for name in names)
            return self._view(self._reader(paths).options(**dialect).schema(schema).csv(_absolute(paths)))
        # Types and dialect are given, because DuckDB's guesses can drop rows without an error.
        columns = dict.fromkeys(names, "VARCHAR")
        dialect = {"delim": separator, "quote": '"', "escape": '"', "strict_mode": True, "null_padding": False}
        dialect |= _WITHOUT_PARTITIONS
        return self.connection.read_csv(_escaped(paths), columns=columns, auto_detect=False, header=True, **dialect)

    def read_parquet(self, paths: list[str]) -> "ibis.Table":
        """Returns Parquet files, or folders of them, as a table; bytes without a type are text.

        Args:
            paths: the files or folders, by names in which no character has a meaning.
        """
        if self.name == "spark":
            return self._view(self._reader(paths).parquet(*_absolute(paths)))
        files = [
            os.path.join(escaped, "*.parquet") if os.path.isdir(path) else escaped
            for path, escaped in zip(paths, _escaped(paths), strict=True)
        ]
        return self.connection.read_parquet(files, binary_as_string=True, **_WITHOUT_PARTITIONS)

    def _reader(self, paths: list[str]) -> Any:
        """Returns a reader of Spark's that takes paths as they are."""
        for path in paths:
            if os.path.basename(path).startswith(("_", ".")):
                raise InputError(f"{path}: Spark leaves out files with such a name; it must not begin with _ or .")
        session = importlib.import_module("pyspark.sql").SparkSession.active()
        return session.read.option("__globPaths__", "false")

    def _view(self, frame: Any) -> "ibis.Table":
        """Returns a data frame of Spark's as a table."""
        name = f"view_{uuid.uuid4().hex}"
        frame.createOrReplaceTempView(name)
        return self.connection.table(name)

    def keep(self, table: "ibis.Table", name: str) -> "ibis.Table":
        """Computes a table once, and returns it as a table that is read from the scratch folder.

        Args:
            table: the table to compute.
            name: its name in the scratch folder; each name is used once.
        """
        path = os.path.join(self.folder, f"{name}.parquet")
        if self.name == "spark":
            self.connection.to_parquet_dir(table, path)
        else:
            self.connection.to_parquet(table, path)
        # The types are those of Ibis, because Spark numbers rows in int32, which Ibis takes for int64.
        return self.read_parquet([path]).cast(table.schema())

    def arrow(self, table: "ibis.Table") -> "pyarrow.Table":
        """Computes a table and returns it in memory."""
        return self.connection.to_pyarrow(table)

    def value(self, expression: "ibis.Value") -> Any:
        """Computes an expression of a single value."""
        return self.connection.to_pyarrow(expression).as_py()

    def numbers(self, expressions: dict[str, "ibis.Value"]) -> dict[str, int]:
        """Computes whole numbers in one query: on small tables planning takes longer than counting.

        Args:
            expressions: counts and sums, each a single whole number, by name; a sum of nothing is 0.
        """
        ibis = importlib.import_module("ibis")
        rows = [
            expression.cast("int64").name("number").as_table().mutate(index=ibis.literal(index, "int64"))
            for index, expression in enumerate(expressions.values())
        ]
        numbers = {row["index"]: row["number"] or 0 for row in self.arrow(ibis.union(*rows)).to_pylist()}
        return {name: numbers[index] for index, name in enumerate(expressions)}


# A folder named year=2020 would else become a column year, in place of the file's own.
_WITHOUT_PARTITIONS = {"hive_partitioning": False}


def _absolute(paths: list[str]) -> list[str]:
    return [os.path.abspath(path) for path in paths]


def _escaped(paths: list[str]) -> list[str]:
    """Returns paths in which DuckDB, which expands * ? [ ] and ~, expands nothing."""
    return [glob.escape(path) for path in _absolute(paths)]


def require(name: str) -> None:
    """Raises InputError if a package that an engine needs is missing.

    Args:
        name: one of `ENGINES`.
    """
    packages.require("ibis", "engine", "ehr")
    if name == "spark":
        packages.require("pyspark.sql", "engine", "spark")
    else:
        packages.require("duckdb", "engine", "ehr")


@contextlib.contextmanager
def opened(
    name: str = "duckdb", master: str | None = None, scratch: str | None = None, memory: str = "2GB"
) -> Iterator[Engine]:
    """Opens an engine; its scratch folder is removed when the block ends.

    Args:
        name: one of `ENGINES`.
        master: Spark's master, such as `local[4]`, `yarn` or `spark://host:7077`; None for the one in Spark's own
            settings, or `local[*]`.
        scratch: folder in which the scratch folder is made; None for the system's. A cluster needs one that all
            machines share.
        memory: memory that DuckDB fills before it uses the scratch folder.

    Raises:
        InputError: a package or Java is missing, the engine does not start, or it fails while the block runs.
    """
    if scratch is not None and not os.path.isdir(scratch):
        raise InputError(f"scratch: found {scratch}; must be an existing folder")
    with (
        _scratch_folder(scratch) as folder,
        _duckdb(folder, memory) if name == "duckdb" else _spark(master) as connection,
    ):
        engine = Engine(name, connection, folder)
        try:
            yield engine
        except engine.errors as error:  # such as a full disk, or too little memory
            raise InputError(_failure(name, error)) from error


@contextlib.contextmanager
def _scratch_folder(parent: str | None) -> Iterator[str]:
    """Makes a folder, and removes it with all tables in it, whatever ends the block."""
    folder = os.path.abspath(tempfile.mkdtemp(prefix="mime-convert-", dir=parent))
    try:
        yield folder
    finally:
        with signals.held_back():
            shutil.rmtree(folder)


@contextlib.contextmanager
def _duckdb(folder: str, memory: str) -> Iterator[Any]:
    ibis = packages.require("ibis", "engine", "ehr")
    duckdb = packages.require("duckdb", "engine", "ehr")
    settings = {"memory_limit": memory, "temp_directory": folder, "preserve_insertion_order": False}
    try:
        connection = ibis.duckdb.connect(**settings)
    except duckdb.Error as error:
        raise InputError(f"memory: found {memory}; must be a size such as 2GB") from error
    fuse = ibis.options.sql.fuse_selects
    ibis.options.sql.fuse_selects = False  # DuckDB merges nested selects itself, and faster
    try:
        yield connection
    finally:
        ibis.options.sql.fuse_selects = fuse
        connection.disconnect()


@contextlib.contextmanager
def _spark(master: str | None) -> Iterator[Any]:
    ibis = packages.require("ibis", "engine", "ehr")
    sql = packages.require("pyspark.sql", "engine", "spark")
    builder = sql.SparkSession.builder.appName("mime-tf convert")
    # As in DuckDB, times without a zone are UTC; a bad value is null and does not end the job.
    settings = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "false"}
    settings |= {"spark.ui.showConsoleProgress": "false"}
    # Spark has no type for a time in nanoseconds; bytes without a type are text, as for DuckDB.
    settings |= {"spark.sql.legacy.parquet.nanosAsLong": "true", "spark.sql.parquet.binaryAsString": "true"}
    for key, value in settings.items():
        builder = builder.config(key, value)
    try:
        session = (builder.master(master) if master else builder).getOrCreate()
    except Exception as error:  # the class depends on which part of Spark or Java is missing
        raise InputError(
            f"engine: Spark did not start; it needs Java 17 or 21 (JAVA_HOME) and a master: {first_line(error)}"
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield ibis.pyspark.connect(session)
    finally:
        session.stop()


def _failure(name: str, error: Exception) -> str:
    """The meaning of an engine's failure, without its own words, which speak of its insides."""
    text = str(error).lower()
    if "out of memory" in text or "outofmemory" in text or "java heap" in text:
        return f"memory: {name} ran out of memory; must be more, or fewer files at once"
    if "no space left" in text or "disk" in text:
        return f"scratch: {name} could not write its scratch folder; must be a folder on a disk with more room"
    return f"engine: {name} failed on these tables ({type(error).__name__}); must be tables that it can compute"


def first_line(error: Exception) -> str:
    """Returns the first line of an engine's error message."""
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
