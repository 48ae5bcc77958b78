"""`midaz-seed run`: fill the target, verify the balances, print the report."""

from typing import TYPE_CHECKING

import click

from midaz_seed.cli.completing import complete_unfinished_run
from midaz_seed.cli.documents import end_without_a_run
from midaz_seed.cli.flags import LoadOption, RunOption
from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options, target_options
from midaz_seed.cli.outputs import output_options, report_option
from midaz_seed.cli.unused import check_given
from midaz_seed.cli.watching import Watching, watching_options
from midaz_seed.cli.web import web_options
from midaz_seed.errors import ExitCode

if TYPE_CHECKING:
    from midaz_seed.runs.directory import RunDirectory

ANNOUNCEMENT_WIDTH = 120
"""Columns of the line about what the run will do, at most."""


@click.command(
    cls=SectionedCommand,
    epilog="Exit codes: 0 done and verified; 1 over the error budget or a balance differs; 2 usage; 3 target; "
    "4 settlement; 5 a threshold failed; 130/143 interrupted. "
    "To continue, run the same command again or use --resume; nothing is doubled.",
)
@settings_options
@target_options
@click.option(
    "--resume",
    "run_name",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[RUN]",
    cls=RunOption,
    shell_complete=complete_unfinished_run,
    help="Resume an earlier run with its settings: RUN, or the last one that is not finished",
)
@report_option
@click.option(
    "--manifest",
    "manifest_file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write the manifest to this file, .json or .csv: every account with its id, holder and expected balance.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    cls=LoadOption,
    help="What carries out the shards: this command, or Dask (extra `dask`), there with --shards auto unless given",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    default="",
    cls=LoadOption,
    help="With --engine dask: a scheduler such as tcp://127.0.0.1:8786 [default: processes on this machine]",
)
@output_options
@watching_options
@web_options
def run(
    loaded: LoadedSettings,
    directory: "RunDirectory | None",
    engine: str,
    scheduler: str,
    watching: Watching,
) -> None:
    """Fill a Midaz ledger with the planned data, and verify that every balance is the planned one.

    \b
    midaz-seed run --target sandbox                    # fill the embedded server
    midaz-seed run -v medium -u http://127.0.0.1:3002  # fill a Midaz of your own
    midaz-seed run --resume                            # resume an unfinished run
    """
    import sys
    from functools import partial

    from midaz_seed.cli.announcement import announcement, with_sandbox_hint
    from midaz_seed.cli.execute import RunFunction
    from midaz_seed.errors import UnreachableError
    from midaz_seed.reporting.terminal import text_width
    from midaz_seed.runner import seed
    from midaz_seed.runs.record import RunStatus
    from midaz_seed.wording import wrapped

    check_given(click.get_current_context(), {"scheduler": (engine == "dask", "--engine dask")})
    with watching.telemetry(loaded.settings) as observer:
        if directory is not None:
            record = directory.read_record()
            if record.status is RunStatus.FINISHED:
                verdict = f"Run {record.run_id} is finished: nothing was sent. Its result: {record.verdict}"
                observer.end(ExitCode.DONE, verdict)
                end_without_a_run(verdict, is_stdout_taken=watching.is_stdout_taken)
                return
        if sys.stderr.isatty() and not watching.quiet:
            about = announcement(loaded, directory.read_record().run_id if directory is not None else "")
            click.echo("\n".join(wrapped([about], text_width(sys.stderr, ANNOUNCEMENT_WIDTH))), err=True)
        function: RunFunction = partial(seed, directory=directory)
        settings = loaded.settings
        if engine == "dask":
            from midaz_seed.engines.dask_engine import on_all_workers, seed_on_dask

            function = partial(seed_on_dask, scheduler=scheduler)
            if loaded.sources["generation.limits.shards"] == "default":  # one slice would need no engine
                settings = on_all_workers(settings)
        try:
            watching.execute(function, settings, observer)
        except UnreachableError as error:
            if engine == "dask":
                raise
            raise with_sandbox_hint(error, loaded.settings) from error
