"""Where tables are worked on: DuckDB in this process, or a Spark cluster. Ibis gives both the same expressions.

A table that is used more than once is kept as Parquet in a scratch folder, so that memory does not limit its size.
"""

import contextlib
import importlib
import os
import tempfile
import uuid

from mime_tf.errors import InputError
from mime_tf.terminal import packages

ENGINES = ("duckdb", "spark")


class Engine:
    """An Ibis backend with a scratch folder.

    Args:
        name: one of `ENGINES`.
        connection: Ibis backend.
        folder: the scratch folder, which all of a cluster's machines must see.
    """

    def __init__(self, name, connection, folder):
        self.name, self.connection, self.folder = name, connection, folder

    @property
    def errors(self):
        """The exceptions that the engine raises when data are bad; a tuple of classes."""
        if self.name == "spark":
            return (
                importlib.import_module("pyspark.errors").PySparkException,
                importlib.import_module("py4j.protocol").Py4JError,
            )
        return (importlib.import_module("duckdb").Error,)

    def read_csv(self, paths, header):
        """Returns CSV files of one header, plain or .gz, as a table of text; an empty field is null.

        Args:
            paths: list of str.
            header: list of str, the names of the columns.
        """
        if self.name == "spark":
            strict = {"mode": "FAILFAST", "multiLine": True, "escape": '"', "enforceSchema": False}
            return self.connection.read_csv(paths, header=True, inferSchema=False, **strict)
        columns = dict.fromkeys(header, "VARCHAR")  # given, because what DuckDB guesses can drop rows silently
        dialect = {"delim": ",", "quote": '"', "escape": '"', "strict_mode": True, "null_padding": False}
        return self.connection.read_csv(paths, columns=columns, auto_detect=False, header=True, **dialect)

    def read_parquet(self, paths):
        """Returns Parquet files, or folders of them, as a table.

        Args:
            paths: list of str.
        """
        if self.name == "spark":  # there Ibis takes a single path only
            session = importlib.import_module("pyspark.sql").SparkSession.active()
            name = f"parquet_{uuid.uuid4().hex}"
            session.read.parquet(*paths).createOrReplaceTempView(name)
            return self.connection.table(name)
        files = [os.path.join(path, "*.parquet") if os.path.isdir(path) else path for path in paths]
        return self.connection.read_parquet(files)

    def keep(self, table, name):
        """Computes a table once and returns it as one that is read from the scratch folder.

        Args:
            table: Ibis table.
            name: what to call it there; each name is used once.
        """
        path = os.path.join(self.folder, f"{name}.parquet")
        if self.name == "spark":
            self.connection.to_parquet_dir(table, path)
        else:
            self.connection.to_parquet(table, path)
        # As Ibis has the types: Spark numbers rows in int32, which Ibis takes for int64.
        return self.connection.read_parquet(path).cast(table.schema())

    def arrow(self, table):
        """Computes a table and returns it as a `pyarrow.Table`, in memory."""
        return self.connection.to_pyarrow(table)

    def value(self, expression):
        """Computes an expression that has one value."""
        return self.connection.to_pyarrow(expression).as_py()


def require(name):
    """Raises InputError where a package that an engine needs is missing.

    Args:
        name: one of `ENGINES`.
    """
    packages.require("ibis", "engine", "ehr")
    if name == "spark":
        packages.require("pyspark.sql", "engine", "spark")
    else:
        packages.require("duckdb", "engine", "ehr")


@contextlib.contextmanager
def opened(name="duckdb", master=None, scratch=None, memory="2GB"):
    """Opens an engine; its scratch folder goes when the block ends.

    Args:
        name: one of `ENGINES`.
        master: Spark's master, such as `local[4]`, `yarn` or `spark://host:7077`; None for the one that Spark's own
            settings name, or `local[*]`.
        scratch: folder in which the scratch folder is made; None for the system's. A cluster needs one that all
            machines share.
        memory: how much DuckDB holds before it uses the scratch folder.

    Yields:
        Engine.

    Raises:
        InputError: a package or Java is missing, the engine does not start, or it fails later on.
    """
    if scratch is not None and not os.path.isdir(scratch):
        raise InputError(f"scratch: found {scratch}; must be a folder that is there")
    with (
        tempfile.TemporaryDirectory(prefix="mime-convert-", dir=scratch) as folder,
        _duckdb(folder, memory) if name == "duckdb" else _spark(master) as connection,
    ):
        engine = Engine(name, connection, folder)
        try:
            yield engine
        except engine.errors as error:  # such as a full disk, or too little memory
            raise InputError(f"engine: {name} could not go on: {first_line(error)}") from error


@contextlib.contextmanager
def _duckdb(folder, memory):
    ibis = packages.require("ibis", "engine", "ehr")
    duckdb = packages.require("duckdb", "engine", "ehr")
    settings = {"memory_limit": memory, "temp_directory": folder, "preserve_insertion_order": False}
    try:
        connection = ibis.duckdb.connect(**settings)
    except duckdb.Error as error:
        raise InputError(f"memory: found {memory}; DuckDB says: {first_line(error)}") from error
    try:
        yield connection
    finally:
        connection.disconnect()


@contextlib.contextmanager
def _spark(master):
    ibis = packages.require("ibis", "engine", "ehr")
    sql = packages.require("pyspark.sql", "engine", "spark")
    builder = sql.SparkSession.builder.appName("mime-tf convert")
    # Times without a zone are UTC, as in DuckDB, and a bad value is null there, not the end of the job.
    settings = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "false"}
    settings |= {"spark.ui.showConsoleProgress": "false"}
    for key, value in settings.items():
        builder = builder.config(key, value)
    try:
        session = (builder.master(master) if master else builder).getOrCreate()
    except Exception as error:  # what Spark raises here depends on what is missing
        raise InputError(
            f"engine: Spark did not start; it needs Java 17 or 21 (JAVA_HOME) and a master: {first_line(error)}"
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield ibis.pyspark.connect(session)
    finally:
        session.stop()


def first_line(error):
    """Returns what an engine says of an error, cut to its first line."""
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
