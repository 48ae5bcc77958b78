"""Write the report, or the document of a command without one, into a file."""

import errno
import os
from pathlib import Path

from midaz_seed.errors import OutputError
from midaz_seed.files import temporary_path, write_atomically
from midaz_seed.reporting.report import Report


def check_writable(path: Path) -> None:
    """Raise OutputError if a report cannot be written to this file; called before a run."""
    try:
        if path.exists() and not path.is_file():
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            return
        temporary_path(path).touch()
        temporary_path(path).unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def write_json(report: Report, path: Path, *, private: bool = False) -> None:
    """Write the report atomically; `private`: only the user can read it. Raises OutputError."""
    write_document(report.as_json(), path, private=private)


def write_document(text: str, path: Path, *, private: bool = False) -> None:
    """Write a JSON document in the place of a report, atomically. Raises OutputError."""
    data = text.encode(errors="backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a pipe or a device, which a file cannot replace
        else:
            write_atomically(path, data, durable=False, private=private)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"the report cannot be written: {error.strerror or error}",
        where=str(path),
        hint="check the directory, its permissions and the free disk space; --json prints the report on stdout",
    )
