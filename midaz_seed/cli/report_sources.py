"""Find and read the reports that commands are given: a run of the runs directory, a file, or a directory of files."""

from pathlib import Path

import click

from midaz_seed.errors import AmbiguousRunError, RunError, UsageError
from midaz_seed.wording import counted, printable

_HINT = "name a run, or a file that --report wrote"


def find_report(source: str, runs_root: Path) -> Path:
    """Return the file of a report: the named one, or that of the named run.

    Raises:
        UsageError: there is no such file.
        RunError: there is no such run, or it has no report.
    """
    from midaz_seed.runs.directory import REPORT, find_run
    from midaz_seed.runs.record import RunStatus

    named = Path(source)
    if named.is_file():
        return named
    if named.suffix == ".json":
        raise UsageError("no such file", where=source, hint=_HINT)
    try:
        run = find_run(runs_root, source)
    except AmbiguousRunError:
        raise
    except RunError as error:
        hint = f"{error.hint}; a report that --report wrote is named by its file"
        raise RunError(error.message, where=error.where, hint=hint) from error
    status = run.read_record().status
    if not (run / REPORT).is_file():
        raise RunError(
            f"the run {run.name} has no report yet: it is working, or it was killed",
            where=str(run.path),
            hint=f"midaz-seed run --resume {run.arguments} finishes a run that was killed, and leaves its report",
        )
    if status in (RunStatus.RUNNING, RunStatus.CUT_OFF):  # the files are written at the end of a session
        is_what = "is still working" if status is RunStatus.RUNNING else "was killed"
        click.echo(
            printable(f"WARNING: the last session of {run.name} {is_what}: this is the report before it"), err=True
        )
    return run / REPORT


def find_reports(sources: str, runs_root: Path) -> list[Path]:
    """Return the files of several reports.

    Args:
        sources: names as of `find_report`, separated by commas. A directory stands for the reports in it: its
            report.json if it is that of a run; otherwise its *.json and the report.json of its own directories.
        runs_root: directory of the runs.

    Raises:
        UsageError: there is no such file, or no report in a directory.
        RunError: there is no such run, or it has no report.
    """
    from midaz_seed.runs.directory import REPORT

    found: list[Path] = []
    names = [sources] if Path(sources).exists() else [name for name in sources.split(",") if name]
    for name in names:
        directory = Path(name)
        if not directory.is_dir():
            found.append(find_report(name, runs_root))
        elif (directory / REPORT).is_file():
            found.append(directory / REPORT)
        else:
            inside = sorted([*directory.glob("*.json"), *directory.glob(f"*/{REPORT}")])
            if not inside:
                raise UsageError("no report in this directory", where=name, hint=_HINT)
            found += inside
    if not found:
        raise UsageError("no report is named", hint=_HINT)
    return found


def find_benchmark(source: str) -> Path | None:
    """Return the bench.json that is named, by itself or by its directory; None where it is none."""
    from midaz_seed.bench.report import DOCUMENT

    named = Path(source)
    file = named / DOCUMENT if named.is_dir() else named
    return file if file.name == DOCUMENT and file.is_file() else None


def reason_of(error: ValueError) -> str:
    """Return why the content of a file is not what it should be, in one short line."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first, *others = error.errors(include_url=False, include_context=False, include_input=False)
        place = ".".join(map(str, first["loc"]))
        found = f"{place}: {first['msg']}" if place else first["msg"]
        return f"{found} (and {counted(len(others), 'more problem')})" if others else found
    return " ".join(str(error).split())[:200]


def unreadable(
    where: str, error: ValueError, *, what: str = "not a report of midaz-seed", hint: str = _HINT
) -> UsageError:
    """Return the error for a file whose content is not what it should be."""
    return UsageError(f"{what}: {reason_of(error)}", where=where, hint=hint)


def read_bytes(file: Path) -> bytes:
    """Return what is in a file. Raises UsageError."""
    try:
        return file.read_bytes()
    except OSError as error:
        hint = "check its permissions"
        raise UsageError(f"cannot be read: {error.strerror or error}", where=str(file), hint=hint) from error
