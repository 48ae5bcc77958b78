"""`midaz-seed verify`: compare the target with the plan."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from midaz_seed.cli.flags import html_option
from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options, target_options

if TYPE_CHECKING:
    from midaz_seed.runs.directory import RunDirectory


@click.command(
    cls=SectionedCommand, epilog="Exit codes: 0 everything is as planned; 1 something differs; 2 usage; 3 target."
)
@settings_options
@target_options
@click.argument("run_name", metavar="[RUN]", required=False)
@click.option(
    "--report",
    "report_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the report as JSON to this file; - prints it instead of the text.",
)
@html_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of text.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress on stderr.")
def verify(
    loaded: LoadedSettings, directory: "RunDirectory | None", html_file: str | None, as_json: bool, quiet: bool
) -> None:
    """Compare every balance and count on the server with the plan. Writes nothing to the server.

    Name the RUN, or give the scenario, preset, seed, volume flags and --run-id of the run: they determine the plan.
    """
    from midaz_seed.cli.execute import execute
    from midaz_seed.runner import verify as verify_run

    html = Path(html_file) if html_file else None
    execute(verify_run, loaded.settings, html=html, as_json=as_json, quiet=quiet)
