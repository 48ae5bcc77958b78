"""Write the transactions of a plan into a CSV or Parquet file. Constant memory."""

import csv
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from midaz_seed.errors import OutputError, UsageError
from midaz_seed.files import temporary_path
from midaz_seed.plan.plan import Plan
from midaz_seed.plan.rows import Row, rows

ROWS_AT_ONCE = 20_000
"""Rows of a row group of Parquet."""


def check_exportable(file: Path) -> None:
    """Check that a file of this name can be written. Raises UsageError."""
    if file.suffix == ".parquet":
        _parquet()
    elif file.suffix != ".csv":
        raise UsageError(f"--export {file}: the name must end in .csv or .parquet", hint="for example movements.csv")


def export(plan: Plan, file: Path) -> int:
    """Write the movements of a plan into a CSV or Parquet file, by its suffix. Return the number of rows.

    Raises:
        UsageError: the suffix is another one, or pyarrow, which writes Parquet, is not installed.
        OutputError: the file cannot be written.
    """
    check_exportable(file)
    write = _write_parquet if file.suffix == ".parquet" else _write_csv
    temporary = temporary_path(file)
    try:
        try:
            count = write(rows(plan), temporary)
            temporary.replace(file)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"the export cannot be written: {error.strerror or error}",
            where=str(file),
            hint="check the directory, its permissions and the free disk space",
        ) from error
    return count


def _write_csv(found: Iterator[Row], file: Path) -> int:
    count = 0
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(Row._fields)
        for row in found:
            writer.writerow(row)
            count += 1
    return count


def _parquet() -> tuple[Any, Any]:
    """Return the modules `pyarrow` and `pyarrow.parquet`. Raises UsageError."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError(
            "pyarrow, which writes Parquet files, is not installed",
            hint="install it with `pip install 'midaz-seed[parquet]'`, or export to a .csv file",
        ) from None


def _write_parquet(found: Iterator[Row], file: Path) -> int:
    arrow, parquet = _parquet()
    schema = arrow.schema([(name, arrow.int32() if name == "legs" else arrow.string()) for name in Row._fields])
    count = 0
    with parquet.ParquetWriter(str(file), schema) as writer:
        while chunk := list(islice(found, ROWS_AT_ONCE)):
            columns = [list(column) for column in zip(*chunk, strict=True)]
            writer.write_table(arrow.table(columns, schema=schema))
            count += len(chunk)
    return count
