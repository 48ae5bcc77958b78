"""`midaz-seed runs`: list, show and delete the runs of a runs directory."""

from typing import TYPE_CHECKING, Any

import click

from midaz_seed.cli.completing import complete_any_run
from midaz_seed.cli.merge import merge_runs
from midaz_seed.cli.runs_folder import runs_directory
from midaz_seed.cli.serve import serve
from midaz_seed.cli.suggestions import SuggestingGroup
from midaz_seed.wording import counted, printable, printable_json

if TYPE_CHECKING:
    from midaz_seed.runs.directory import RunDirectory

_in_directory = click.option("--runs-dir", metavar="DIR", help="Directory of the runs  [default: runs]")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")

HISTORY_WIDTH = 400
"""Columns of the list where the output is not a terminal: all of them."""


class _Runs(SuggestingGroup):
    default_command = "list"


@click.group(cls=_Runs)
def runs() -> None:
    """List, show or delete the runs in a runs directory. Without a command: list.

    Each run, which is a plan on one server, keeps its journal in a directory of its own. To resume one: midaz-seed run
    --resume RUN. RUN is a run id; where several servers have runs of that id, it is the name that `runs list` shows.
    """


@runs.command("list")
@_in_directory
@_as_json
def list_runs(runs_dir: str | None, as_json: bool) -> None:
    """List the runs, the last updated one at the end.

    Each has its verdict, rate and duration. A terminal shows the columns that fit; --json has everything.
    """
    import sys

    from midaz_seed.cli.run_history import history_lines
    from midaz_seed.errors import RunError
    from midaz_seed.reporting.terminal import text_width
    from midaz_seed.runs.directory import list_runs

    root = runs_directory(runs_dir)
    found = list_runs(root)
    if as_json:
        _print_json({"schema_version": 1, "runs": [_row(run) for run in found]})
        return
    if not found:
        click.echo(f"There are no runs in the directory {printable(str(root))}.")
        return
    rows, problems = [], []
    for run in found:
        try:
            rows.append((run.name, run.read_record()))
        except RunError as error:  # one damaged run must not hide the others
            problems.append(error)
    for line in history_lines(rows, text_width(sys.stdout, HISTORY_WIDTH)) if rows else ():
        click.echo(line)
    for problem in problems:
        click.echo(printable(f"WARNING: {problem}"), err=True)


@runs.command("show")
@click.argument("run_name", metavar="RUN", shell_complete=complete_any_run)
@_in_directory
@_as_json
def show_run(run_name: str, runs_dir: str | None, as_json: bool) -> None:
    """Show one run: progress, rejected items, and how to continue."""
    from midaz_seed.runs.directory import REPORT_PAGE, find_run
    from midaz_seed.runs.record import RunStatus
    from midaz_seed.wording import duration_text

    run = find_run(runs_directory(runs_dir), run_name)
    if as_json:
        _print_json(
            {"schema_version": 1, **_document(run), "settings": run.read_record().settings, "rejects": run.rejects()}
        )
        return
    record = run.read_record()
    owner = f" by process {run.owner()}" if record.status is RunStatus.RUNNING else ""
    rows = {
        "status": f"{record.status}{owner}",
        "target": record.target,
        "scenario": record.scenario,
        "plan": record.plan_digest[:12],
        "started": record.created_at,
        "last updated": record.updated_at,
        "sessions": str(record.sessions),
        "made": f"{record.done:,} of {counted(record.planned, 'item')}",
        "directory": f"{run.path} ({counted(run.size_bytes, 'byte')})",
    }
    if (run / REPORT_PAGE).is_file():
        rows["report"] = str(run / REPORT_PAGE)
    before = " (before this session)" if record.status is RunStatus.RUNNING else ""
    if record.movements:
        rows["movements"] = f"{record.movements:,}, {record.movements_per_s:,.0f} per second{before}"
    if record.elapsed_s:
        rows["duration"] = f"{duration_text(record.elapsed_s)}{before}"
    if record.verdict and record.status is not RunStatus.REMOVED:  # it is about data that is gone
        rows["verdict"] = f"{record.verdict}{before}"
    rejects = run.rejects()
    rejected = [f"{reject['key']}: {reject['code'] or reject['error']} {reject['message']}" for reject in rejects[:5]]
    if len(rejects) > 5:
        rejected.append(f"and {len(rejects) - 5:,} more, in {run.path / 'rejects.ndjson'}")
    if rejects:
        next_step = f"fix the cause, then: midaz-seed retry {run.arguments}"
    elif record.status in (RunStatus.UNFINISHED, RunStatus.CUT_OFF):
        next_step = f"midaz-seed run --resume {run.arguments}"
    else:
        next_step = ""
    click.echo(f"run {printable(record.run_id)}")
    lines = [*rows.items(), *(("rejected", text) for text in rejected), *([("next", next_step)] if next_step else [])]
    for name, text in lines:
        click.echo(f"  {name:<12} {printable(text).rstrip()}")


@runs.command("delete", epilog="Exit codes: 0 deleted; 1 not deleted, because the answer was no; 2 usage.")
@click.argument("run_name", metavar="RUN", shell_complete=complete_any_run)
@_in_directory
@click.option("--yes", is_flag=True, help="Do not ask for confirmation")
def delete_run(run_name: str, runs_dir: str | None, yes: bool) -> None:
    """Delete the directory of a run. Its data stays on the server; `midaz-seed teardown RUN` removes that."""
    import sys

    from midaz_seed.errors import ExitCode, UsageError
    from midaz_seed.runs.directory import find_run

    run = find_run(runs_directory(runs_dir), run_name)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("no terminal for the confirmation to delete the run", hint="add --yes")
        question = f"Delete {run.path}? Without its journal the run cannot be resumed with --resume."
        if not click.confirm(printable(question), err=True):
            click.echo("Nothing was deleted.", err=True)
            raise SystemExit(int(ExitCode.DIFFERENCES))
    run.delete()
    click.echo(f"Deleted {printable(str(run.path))}.")


runs.add_command(serve)
runs.add_command(merge_runs)


def _row(run: "RunDirectory") -> dict[str, Any]:
    """Return a run as the list has it; one with a damaged record has the problem in place of the figures."""
    from midaz_seed.errors import RunError

    try:
        return _document(run)
    except RunError as error:
        return {"name": run.name, "status": "damaged", "problem": error.message, "directory": str(run.path)}


def _document(run: "RunDirectory") -> dict[str, Any]:
    import dataclasses

    record = run.read_record()
    document = dataclasses.asdict(record)
    del document["settings"]
    files = {"directory": str(run.path), "size_bytes": run.size_bytes}
    return {"name": run.name, "scenario": record.scenario, **document, **files}


def _print_json(document: dict[str, Any]) -> None:
    import orjson

    from midaz_seed.process import write_utf8_to_stdout

    write_utf8_to_stdout()
    click.echo(printable_json(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()))
