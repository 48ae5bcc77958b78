"""`midaz-seed teardown`: remove the data of a run from the server."""

from typing import TYPE_CHECKING

import click

from midaz_seed.cli.completing import complete_run_with_data
from midaz_seed.cli.documents import Ending, leave_document
from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options, target_options
from midaz_seed.process import write_utf8_to_stdout
from midaz_seed.wording import printable, printable_json

if TYPE_CHECKING:
    from midaz_seed.engine.teardown import Removal
    from midaz_seed.runs.directory import RunDirectory


@click.command(
    cls=SectionedCommand,
    epilog="Exit codes: 0 nothing of the run is left; 1 some objects were not removed, or none because the answer was "
    "no; 2 usage; 3 target.",
)
@settings_options
@target_options
@click.argument("run_name", metavar="[RUN]", required=False, shell_complete=complete_run_with_data)
@click.option("--dry-run", is_flag=True, help="List what would be removed, without removing it")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
def teardown(loaded: LoadedSettings, directory: "RunDirectory | None", dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove what a run created: every ledger and organization that carries its run id, and nothing else.

    Name the RUN, or give the same scenario, preset, seed, volume flags and --run-id as the run.
    """
    import sys

    from midaz_seed.cli.last_resort import end_in_time
    from midaz_seed.engine.teardown import Fate
    from midaz_seed.errors import ExitCode, UsageError
    from midaz_seed.runner import teardown as remove

    if not dry_run and not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "no terminal for the confirmation to delete data", hint="add --yes, or --dry-run to list the data first"
            )
        question = f"Remove what this run created on {loaded.settings.target.base_url}?"
        if not click.confirm(printable(question), err=True):
            click.echo("Nothing was removed.", err=True)
            leave_document(click.get_current_context(), Ending(ExitCode.DIFFERENCES, "Nothing was removed."))
            raise SystemExit(int(ExitCode.DIFFERENCES))
    removals = remove(loaded.settings, dry_run=dry_run, directory=directory, emit=end_in_time, handle_signals=True)
    if as_json:
        write_utf8_to_stdout()
    click.echo(_document(removals) if as_json else _text(removals))
    kept = any(removal.fate is Fate.KEPT for removal in removals)
    raise SystemExit(int(ExitCode.DIFFERENCES if kept else ExitCode.DONE))


def _document(removals: "list[Removal]") -> str:
    import dataclasses

    import orjson

    document = {"schema_version": 1, "removals": [dataclasses.asdict(removal) for removal in removals]}
    return printable_json(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _text(removals: "list[Removal]") -> str:
    from collections import Counter

    lines = [
        printable(
            f"{removal.fate:<17}{removal.kind:<13}{removal.key:<8}{removal.name}"
            + (f": {removal.reason}" if removal.reason else "")
        )
        for removal in removals
    ]
    counts = Counter(removal.fate.value for removal in removals)
    return "\n".join([*lines, "", ", ".join(f"{count} {fate}" for fate, count in counts.items())])
