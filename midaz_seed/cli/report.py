"""`midaz-seed report`: make the HTML page of a report."""

import sys
from pathlib import Path

import click

from midaz_seed.cli.completing import complete_run_or_report
from midaz_seed.cli.report_sources import find_report, read_bytes, unreadable
from midaz_seed.cli.runs_folder import runs_directory
from midaz_seed.errors import OutputError, UsageError
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
        file = find_report(source, runs_directory(runs_dir))
        data, where, default = read_bytes(file), str(file), file.with_suffix(".html")
    target = default if output is None else None if output == STANDARD else Path(output)
    if target is None and opens:
        raise UsageError("--open needs a file, and the page is printed", hint="name one with --output FILE")
    try:
        page = render_document(data, files=files_beside(target.parent) if target else ())
    except ValueError as error:
        raise unreadable(where, error) from error
    if target is None:
        write_utf8_to_stdout()
        click.echo(page, nl=False)
        return
    write_page(page, target)
    click.echo(printable(str(target)))
    if opens:
        _open(target)


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        raise OutputError("no browser could be started", where=str(page), hint="open the file yourself, or set BROWSER")
