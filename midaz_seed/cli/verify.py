"""`midaz-seed verify`: compare the target with the plan."""

from typing import TYPE_CHECKING

import click

from midaz_seed.cli.completing import complete_run_with_data
from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options, target_options
from midaz_seed.cli.outputs import output_options, report_option
from midaz_seed.cli.watching import Watching, watching_options

if TYPE_CHECKING:
    from midaz_seed.runs.directory import RunDirectory


@click.command(
    cls=SectionedCommand,
    epilog="Exit codes: 0 everything is as planned; 1 something differs; 2 usage; 3 target; 5 a threshold failed.",
)
@settings_options
@target_options
@click.argument("run_name", metavar="[RUN]", required=False, shell_complete=complete_run_with_data)
@report_option
@output_options
@watching_options
def verify(
    loaded: LoadedSettings,
    directory: "RunDirectory | None",
    watching: Watching,
) -> None:
    """Compare every balance and count on the server with the plan. Writes nothing to the server.

    Name the RUN, or give the scenario, preset, seed, volume flags and --run-id of the run: they determine the plan.
    """
    from midaz_seed.runner import verify as verify_run

    with watching.telemetry(loaded.settings) as observer:
        watching.execute(verify_run, loaded.settings, observer)
