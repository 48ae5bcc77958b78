"""Write the report, or the document of a command without one, into a file."""

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from midaz_seed.errors import OutputError
from midaz_seed.files import temporary_path, write_atomically
from midaz_seed.reporting.report import Report


def check_writable(path: Path, what: str = "report") -> None:
    """Raise OutputError if a report, or `what`, cannot be written to this file; called before a run."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if is_replaceable(path):
            temporary = temporary_path(path.resolve())
            temporary.touch()
            temporary.unlink()
    except OSError as error:
        raise _unwritable(path, error, what) from error


def is_replaceable(path: Path) -> bool:
    """Return whether a new file can take the place of what is there. A symbolic link stays: its target is replaced.

    A pipe or a device cannot be replaced. Neither can /dev/stdout, whatever it leads to: every process uses it.
    """
    if path.absolute().is_relative_to("/dev") or path.absolute().is_relative_to("/proc"):
        return False
    return path.is_file() or not path.exists()


def write_json(report: Report, path: Path, *, private: bool = False) -> None:
    """Write the report atomically; `private`: only the user can read it. Raises OutputError."""
    write_document(report.as_json(), path, private=private)


def write_document(text: str, path: Path, *, what: str = "report", private: bool = False) -> None:
    """Write a document in the place of a report, or of `what`, atomically. Raises OutputError."""
    data = text.encode(errors="backslashreplace")
    try:
        if is_replaceable(path):
            write_atomically(path.resolve(), data, durable=False, private=private)
        else:
            path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, error, what) from error


def write_each(documents: Iterable[tuple[str, Path, Callable[[], str]]], *, private: bool = False) -> None:
    """Write several documents, each also when another could not be written.

    Args:
        documents: of each its name in messages, its file, and what renders it.
        private: only the user can read them.

    Raises:
        OutputError: a file could not be written; the first one.
    """
    errors = []
    for what, path, render in documents:
        try:
            write_document(render(), path, what=what, private=private)
        except OutputError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _unwritable(path: Path, error: OSError, what: str = "report") -> OutputError:
    instead = "; --json prints the report on stdout" if what == "report" else ""
    return OutputError(
        f"the {what} cannot be written: {error.strerror or error}",
        where=str(path),
        hint=f"check the directory, its permissions and the free disk space{instead}",
    )
