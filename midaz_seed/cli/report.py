"""`midaz-seed report`: make the HTML page of a report."""

import sys
from pathlib import Path

import click

from midaz_seed.cli.completing import complete_run_or_report
from midaz_seed.cli.runs_folder import runs_directory
from midaz_seed.errors import OutputError, RunError, UsageError
from midaz_seed.process import write_utf8_to_stdout
from midaz_seed.wording import printable

STANDARD = "-"
"""The name for standard input in place of a file to read, and for standard output in place of one to write."""


@click.command(epilog="Exit codes: 0 written; 2 no such run or file, not a report, or not writable.")
@click.argument("source", metavar="RUN|FILE.json", shell_complete=complete_run_or_report)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the page to this file; - prints it  [default: report.html of the run, or FILE.html]",
)
@click.option("--runs-dir", metavar="DIR", help="Directory of the runs  [default: runs]")
def report(source: str, opens: bool, output: str | None, runs_dir: str | None) -> None:
    """Show the report of a run as an HTML page: one file that opens without network and prints well.

    RUN is a run of `midaz-seed runs list`. FILE.json is what --report wrote, or --json printed; - reads it from
    standard input.

    \b
    midaz-seed report s407d9cb9f0 --open
    midaz-seed report nightly.json --output nightly.html
    """
    from midaz_seed.pages.report_page import files_beside, render_document, write_page

    if source == STANDARD:
        data, where, default = sys.stdin.buffer.read(), "standard input", None
    else:
        file = _report_of(source, runs_dir)
        data, where, default = _read(file), str(file), file.with_suffix(".html")
    target = default if output is None else None if output == STANDARD else Path(output)
    if target is None and opens:
        raise UsageError("--open needs a file, and the page is printed", hint="name one with --output FILE")
    try:
        page = render_document(data, files=files_beside(target.parent) if target else ())
    except ValueError as error:
        raise UsageError(
            f"not a report of midaz-seed: {' '.join(str(error).split())[:200]}",
            where=where,
            hint="name a run, or a file that --report wrote",
        ) from error
    if target is None:
        write_utf8_to_stdout()
        click.echo(page, nl=False)
        return
    write_page(page, target)
    click.echo(printable(str(target)))
    if opens:
        _open(target)


def _report_of(source: str, runs_dir: str | None) -> Path:
    """Return the file of a report: the named one, or that of the named run."""
    from midaz_seed.runs.directory import REPORT, find_run
    from midaz_seed.runs.record import RunStatus

    named = Path(source)
    if named.is_file():
        return named
    if named.suffix == ".json":
        raise UsageError("no such file", where=source, hint="name a run, or a file that --report wrote")
    run = find_run(runs_directory(runs_dir), source)
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


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        hint = "check its permissions"
        raise UsageError(f"cannot be read: {error.strerror or error}", where=str(file), hint=hint) from error


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        raise OutputError("no browser could be started", where=str(page), hint="open the file yourself, or set BROWSER")
