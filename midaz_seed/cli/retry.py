"""`midaz-seed retry`: send the rejected items of a run again, after their cause was fixed."""

from typing import TYPE_CHECKING

import click

from midaz_seed.cli.completing import complete_rejected_run
from midaz_seed.cli.documents import end_without_a_run
from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options, target_options
from midaz_seed.cli.outputs import output_options, report_option
from midaz_seed.cli.watching import Watching, watching_options
from midaz_seed.cli.web import web_options
from midaz_seed.errors import ExitCode
from midaz_seed.wording import counted

if TYPE_CHECKING:
    from midaz_seed.runs.directory import RunDirectory


@click.command(
    cls=SectionedCommand,
    epilog="Exit codes: 0 done and verified; 1 over the error budget or a balance differs; 2 usage; 3 target; "
    "4 settlement; 5 a threshold failed; 130/143 interrupted.",
)
@settings_options
@target_options
@click.argument("run_name", metavar="RUN", shell_complete=complete_rejected_run)
@report_option
@output_options
@watching_options
@web_options
def retry(
    loaded: LoadedSettings,
    directory: "RunDirectory",
    watching: Watching,
) -> None:
    """Send the rejected items of a RUN again, and those skipped because of them; then verify the whole plan.

    The run's rejects.ndjson lists the rejected items with the reasons. Items that exist are not sent again.
    """
    from functools import partial

    from midaz_seed.runner import seed

    with watching.telemetry(loaded.settings) as observer:
        if not directory.rejects():
            _check_finished(directory)
            verdict = f"Run {directory.read_record().run_id} has no rejected items: nothing was sent."
            observer.end(ExitCode.DONE, verdict)
            end_without_a_run(verdict, is_stdout_taken=watching.is_stdout_taken)
            return
        watching.execute(partial(seed, directory=directory), loaded.settings, observer)


def _check_finished(directory: "RunDirectory") -> None:
    """Raise RunError when a run has items that are neither made nor rejected; its hint says how to continue."""
    from midaz_seed.errors import RunError
    from midaz_seed.runs.record import RunStatus

    record = directory.read_record()
    if record.status in (RunStatus.FINISHED, RunStatus.REMOVED):
        return
    is_running = record.status is RunStatus.RUNNING
    raise RunError(
        f"run {record.run_id} has no rejected items, so nothing was sent; but it is not finished: its status is "
        f"{record.status}, with {record.done:,} of {counted(record.planned, 'item')} made",
        where=str(directory.path),
        hint=f"{'wait until it ends, or ' if is_running else ''}"
        f"resume it: `midaz-seed run --resume {directory.arguments}`",
    )
